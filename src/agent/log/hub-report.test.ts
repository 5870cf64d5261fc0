import assert from "node:assert/strict";
import test from "node:test";
import { EssError } from "../hub/ess-error.js";
import type { HubEvent } from "../hub/events.js";
import { HubReport } from "./hub-report.js";

const type = "slipstream-model";
const object = { type, id: "street", version: "1.2.0" };
const gone = new EssError("unreachable", "GET /x", "there is no such socket (ENOENT)");
const denied = new EssError("denied", "GET /x", "status 403");

/** Levels and messages of what is told, debug left out. */
function told(...events: HubEvent[]): string[] {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields?: object) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const log = { error: at("error"), warn: at("warn"), info: at("info"), debug: () => {} };
  const report = new HubReport(log);
  for (const event of events) report.trace(event);
  return lines;
}

function away(err: EssError, forMs: number): HubEvent {
  return { t: "away", type, err, forMs };
}

test("a service that is away for long is told once, and once that it is back", () => {
  const lines = told(
    away(gone, 0),
    away(gone, 31_000),
    away(gone, 90_000),
    { t: "reached", type },
    { t: "reached", type },
  );
  assert.deepEqual(lines, [
    `warn the hub's service does not answer {"type":"${type}","seconds":31,"reason":"unreachable","detail":"${gone.message}"}`,
    `info the hub's service answers again {"type":"${type}"}`,
  ]);
});

test("a service that has just been started anew is no news", () => {
  assert.deepEqual(told(away(gone, 0), away(gone, 5000), { t: "reached", type }), []);
});

test("a service that refuses the agent is told at once", () => {
  assert.match(
    told(away(denied, 0), away(denied, 1000)).join(),
    /^warn .*"reason":"denied"[^,]*,[^,]*$/,
  );
});

test("what came, what was refused and what was withdrawn is told with its name and reason", () => {
  const lines = told(
    { t: "arriving", object, bytes: 7 },
    { t: "answered", object, answer: "received" },
    { t: "taken", object, what: "street@1.2.0" },
    { t: "refused", object, reason: "labels.txt: leads outside" },
    { t: "withdrawn", object, what: "street@1.2.0" },
  );
  const fields = `"type":"${type}","id":"street","version":"1.2.0"`;
  assert.deepEqual(lines, [
    `info object from the hub arrives {${fields},"bytes":7}`,
    `info object from the hub taken {${fields},"as":"street@1.2.0"}`,
    `error object from the hub refused {${fields},"detail":"labels.txt: leads outside"}`,
    `info object withdrawn by the hub {${fields},"as":"street@1.2.0"}`,
  ]);
});

test("the same delay is told once", () => {
  const delayed: HubEvent = { t: "delayed", object, detail: "no space left", pauseMs: 1500 };
  const lines = told(delayed, delayed, { ...delayed, detail: "other" });
  assert.equal(lines.length, 2);
  assert.match(
    lines[0] ?? "",
    /^warn object from the hub is delayed .*"seconds":2,"detail":"no space left"/,
  );
});

test("a model that had to go is told", () => {
  const event = { t: "removed", bundle: "a@1", bytes: 5, why: "room was needed" } as const;
  assert.deepEqual(told({ t: "store", event }), [
    'info model removed {"model":"a@1","bytes":5,"detail":"room was needed"}',
  ]);
});
