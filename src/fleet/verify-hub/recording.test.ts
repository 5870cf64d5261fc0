// The Exchange double against a real hub: to the same requests in the same order it gives the same answers.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isObject } from "../../common/json/document.js";
import { ExchangeDouble } from "../rollout/testing/exchange-double.js";
import { ANONYMOUS, anonymized, type Recorded } from "./recorder.js";
import { readRecording, TARGETS } from "./recording.js";
import { NAME } from "./verify-workspace.js";

const recording = readRecording();

describe(`a hub with Exchange ${recording.versions.exchange}, recorded on ${recording.date}`, () => {
  let double: ExchangeDouble;
  before(async () => {
    double = await ExchangeDouble.start();
  });
  after(() => double.stop());

  it("was sent everything that the make targets send now, and the targets refused what they should", () => {
    const commands = recording.runs.map(({ command }) => command);
    assert.deepEqual(commands, [
      "a node",
      ...TARGETS.map((target) => target.join(" ")),
      "no node",
      "requests",
    ]);
    const refused = recording.runs.filter(({ exit }) => exit !== 0).map(({ command }) => command);
    assert.deepEqual(
      refused.map((command) => command.split(" ")[0]),
      ["promote", "publish-deployment-policy"],
    );
  });

  for (const { command, exchange, css } of recording.runs) {
    it(`answered to ${command} as the double does`, async () => {
      const differing: string[] = [];
      for (const { method, path, status } of css) {
        const response = await fetch(`${double.cssUrl}/${path}`, { method });
        if (response.status !== status) differing.push(`${method} ${path}: ${response.status}`);
      }
      for (const asked of exchange) {
        const answered = await askDouble(asked);
        const difference = differenceOf(answered, asked);
        if (difference !== undefined) {
          const body = JSON.stringify(asked.body ?? "").slice(0, 300);
          differing.push(`${asked.method} ${asked.path} ${body}: ${difference}`);
        }
      }
      assert.deepEqual(differing, []);
    });
  }

  async function askDouble({ method, path, body }: Recorded): Promise<Recorded> {
    const authorization = `Basic ${Buffer.from(`${double.org}/${double.user}`).toString("base64")}`;
    const response = await fetch(`${double.url}/${path}`, {
      method,
      headers: { authorization },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = text === "" ? undefined : parsed(text);
    const { status } = response;
    const raw = { method, path, body, status, answer };
    return anonymized(raw, ANONYMOUS, (id) => id.includes(NAME));
  }
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Undefined: the double answers as the hub did. It may say less, but nothing different. */
function differenceOf(double: Recorded, hub: Recorded): string | undefined {
  if (double.status !== hub.status) {
    const [ours, theirs] = [double.answer, hub.answer].map((one) => JSON.stringify(one));
    return `${double.status} ${ours}, and the hub ${hub.status} ${theirs}`;
  }
  const where = contradiction(double.answer, hub.answer, "");
  return where === undefined ? undefined : `the answer differs: ${where}`;
}

/** Lists in answers, which must hold the same resources. */
const WHOLE = new Set(["services", "businessPolicy", "patterns", "nodes"]);

function contradiction(ours: unknown, theirs: unknown, path: string): string | undefined {
  if (isObject(ours) && isObject(theirs)) {
    const isWhole = WHOLE.has(path.slice(1));
    const keys = [...new Set([...Object.keys(ours), ...(isWhole ? Object.keys(theirs) : [])])];
    return keys
      .map((key) => contradiction(ours[key], theirs[key], `${path}.${key}`))
      .find((one) => one !== undefined);
  }
  if (Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length) {
    return ours
      .map((one, i) => contradiction(one, theirs[i], `${path}[${i}]`))
      .find((one) => one !== undefined);
  }
  // The double knows the message of a refusal, but not all the text around it.
  const isSame =
    path === ".msg"
      ? String(theirs).includes(String(ours))
      : JSON.stringify(ours) === JSON.stringify(theirs);
  return isSame ? undefined : `${path} is ${JSON.stringify(ours)}, not ${JSON.stringify(theirs)}`;
}
