import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { redactor } from "../../common/secrets/redact.js";
import { type SeededRandom, seededRandom } from "../../common/testing/seeded-random.js";
import { createLogs } from "./log.js";

const PIECES: [string, ...string[]] = [
  "a",
  ...".+?^$()[]{}|\\/\"'`<>&%#@:;=,!~_- \t\n",
  ...["\\\\", '\\"', "\\u00e9", "%40", "%", "$&", "$1", "\u0001", "\u007f", "&quot;", "a*b*"],
  ...["é", "ß", "京", "🔒", "e\u0301", "\u202e", "\ud800", "hunter", "Pass", "word", "7Q", "xx"],
];

function awkwardPassword(random: SeededRandom): string {
  let password = "";
  while (password.length < 4) {
    password += Array.from({ length: 1 + random.below(6) }, () => random.pick(PIECES)).join("");
  }
  return password;
}

function uriEncoded(password: string): string[] {
  const whole = Buffer.from(password).toString();
  const byte = (character: string) => `%${character.charCodeAt(0).toString(16)}`;
  const encoded = encodeURIComponent(whole);
  return [
    encoded,
    encoded.replace(/[!'()*~]/g, byte),
    encoded.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
    new URLSearchParams({ "": whole }).toString().slice(1),
  ];
}

/** As quoted in JavaScript, Python and Go, and as JSON inside JSON. */
function quoted(password: string): string[] {
  const json = JSON.stringify(password).slice(1, -1);
  const ascii = json.replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const go = json.replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  return [json, ascii, go, json.replaceAll("/", "\\/"), JSON.stringify(json).slice(1, -1)];
}

function formsOf(password: string): string[] {
  return [password, ...uriEncoded(password), ...quoted(password)];
}

function deepError(password: string): Error {
  const cause = Object.assign(new TypeError(`no ${password}`), { code: password });
  return new Error(`login ${password} failed`, {
    cause: new Error(inspect({ password }), { cause }),
  });
}

describe("the log", () => {
  const random = seededRandom(20_261);
  const passwords = Array.from({ length: 400 }, () => awkwardPassword(random));

  for (const format of ["json", "text"] as const) {
    it(`contains none of 400 awkward passwords in any encoding, as ${format}`, () => {
      for (const password of passwords) {
        const stream = new PassThrough();
        const redact = redactor([password, password.slice(0, -1)]);
        const log = createLogs({ level: "debug", format, redact, stream })("x");
        for (const form of formsOf(password)) {
          log.info(`a ${form} b${form}${form}`, {
            detail: form,
            deep: [{ [form]: [`<${form}>`] }],
          });
          log.warn("lost", {
            uri: `rtsp://admin:${form}@10.0.0.9/live`,
            query: `?pwd=${form}&x=1`,
          });
          log.error("failed", { err: deepError(form), json: JSON.stringify({ value: form }) });
        }
        const text = String(stream.read()).replace(/"timestamp":"[^"]*"|^\d\d:\d\d:\d\d/gm, "");
        for (const form of formsOf(password)) {
          assert.ok(!text.includes(form), `${JSON.stringify(password)} as ${form} in\n${text}`);
        }
      }
    });
  }

  it("hides secrets that change while it is being written", () => {
    let secrets: readonly string[] = ["first-one"];
    const redact = redactor(["fixed-one"], () => secrets);
    assert.equal(redact("first-one second-one fixed-one"), "*** second-one ***");
    secrets = ["first-one", "second-one"];
    assert.equal(redact("first-one second-one fixed-one"), "*** *** ***");
  });

  it("hides a run of backslashes that looks like many secrets", () => {
    const redact = redactor(["\\".repeat(50), '\\"\\"\\"\\"', "\\<\\<\\n", "\\\\\\ \\\\\\"]);
    assert.equal(redact("\\".repeat(1000)), "***");
  });

  it("hides each of a thousand secrets", () => {
    const many = Array.from({ length: 1000 }, () => awkwardPassword(random));
    const redact = redactor(many);
    for (const password of many) assert.ok(!redact(`x ${password} y`).includes(password), password);
  });
});
