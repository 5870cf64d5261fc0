import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "../testing/seeded-random.js";
import { loginOf, readSecret, type Secret, textsToHide } from "./secrets.js";

const read = (text: string) => readSecret(Buffer.from(text));

describe("readSecret", () => {
  const login = (username: string, password: string): Secret => ({
    t: "login",
    username,
    password,
  });
  const value = (text: string): Secret => ({ t: "value", value: text });
  const accepted: readonly [string, string, Secret][] = [
    ["key and value", '{"key":"admin","value":"p@ss"}', login("admin", "p@ss")],
    ["other fields and white space", ' {"value": "p", "key": "u", "x": 1}\n', login("u", "p")],
    ["an empty key", '{"key":"","value":"p"}', login("", "p")],
    ["quotes and unicode", '{"key":"u","value":"a\\"b\\u00e9 ü"}', login("u", 'a"bé ü')],
    ["a value alone", "hunter2", value("hunter2")],
    ["one line end, and keeps others", " two \r\n\n", value(" two \r\n")],
    ["a value that is JSON but no object", '"a"', value('"a"')],
    ["several lines", "-----BEGIN\nabc\n", value("-----BEGIN\nabc")],
  ];
  for (const [what, text, secret] of accepted) {
    it(`accepts ${what}`, () => assert.deepEqual(read(text), { t: "secret", secret }));
  }

  const refused: readonly [string, string | Uint8Array, RegExp][] = [
    ["nothing", "", /is empty/],
    ["an empty line", "\n", /is empty/],
    ["half of a JSON text", '{"key":"admin","value":"hunt', /not complete JSON/],
    ["an object without a value", '{"key":"hunter2"}', /needs both "key" and "value"/],
    ["an empty password", '{"key":"hunter2","value":""}', /needs both/],
    ["a number for a text", '{"key":"hunter2","value":5}', /needs both/],
    ["other bytes than UTF-8", Buffer.from([0x68, 0xff, 0xfe]), /UTF-8/],
    ["a zero byte", "hunter2\0", /zero byte/],
  ];
  for (const [what, text, why] of refused) {
    it(`refuses ${what} without quoting it`, () => {
      const reading = readSecret(typeof text === "string" ? Buffer.from(text) : text);
      assert.ok(reading.t === "refused");
      assert.match(reading.why, why);
      assert.doesNotMatch(reading.why, /hunt/);
    });
  }

  it("survives a thousand hostile files", () => {
    const random = seededRandom(7);
    const pieces: [string, ...string[]] = [
      '{"key":',
      '"a"',
      ',"value":',
      "{",
      "}",
      "[".repeat(5000),
      "\0",
      "\ud800",
      "é",
      "\n",
      "1e999",
    ];
    for (let round = 0; round < 1000; round++) {
      const text = Array.from({ length: random.below(8) }, () => random.pick(pieces)).join("");
      const bytes = Buffer.from(text);
      for (let i = random.below(3); i > 0 && bytes.length > 0; i--)
        bytes[random.below(bytes.length)] = random.below(256);
      const reading = readSecret(bytes);
      if (reading.t === "secret") assert.ok(textsToHide(reading.secret).length > 0);
    }
  });
});

describe("a value as a login", () => {
  it("is split at its first colon", () => {
    assert.deepEqual(loginOf({ t: "value", value: "admin:a:b@" }), {
      username: "admin",
      password: "a:b@",
    });
  });

  it("is not a login without a colon", () => {
    assert.equal(loginOf({ t: "value", value: "hunter2" }), undefined);
  });
});

describe("textsToHide", () => {
  it("contains the password in each form in which it leaves the process", () => {
    assert.deepEqual(textsToHide({ t: "login", username: "u", password: "hunter2" }), [
      "hunter2",
      "hunter2",
      Buffer.from("u:hunter2").toString("base64"),
    ]);
    assert.ok(textsToHide({ t: "value", value: "u:hunter2" }).includes("hunter2"));
    assert.ok(textsToHide({ t: "value", value: "first\nsecond" }).includes("second"));
  });
});
