import assert from "node:assert/strict";
import test from "node:test";
import { EssError } from "../hub/ess.js";
import type { HubEvent } from "../hub/object-sync.js";
import { HubReport } from "./hub-report.js";

const type = "slipstream-model";
const object = { type, id: "street", version: "1.2.0" };
const gone = new EssError("unreachable", "GET /x", "there is no such socket (ENOENT)");
const denied = new EssError("denied", "GET /x", "status 403");

/** The lines that are logged, without those at debug level. */
function logged(...events: HubEvent[]): string[] {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields?: object) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const log = { error: at("error"), warn: at("warn"), info: at("info"), debug: () => {} };
  const report = new HubReport(log);
  for (const event of events) report.onEvent(event);
  return lines;
}

function unreachable(err: EssError, forMs: number): HubEvent {
  return { t: "unreachable", type, err, forMs };
}

test("a long outage of the service is logged once, and its end once", () => {
  const lines = logged(
    unreachable(gone, 0),
    unreachable(gone, 31_000),
    unreachable(gone, 90_000),
    { t: "reachable", type },
    { t: "reachable", type },
  );
  assert.deepEqual(lines, [
    `warn Edge Sync Service does not answer {"type":"${type}","seconds":31,"reason":"unreachable","detail":"${gone.message}"}`,
    `info Edge Sync Service answers again {"type":"${type}"}`,
  ]);
});

test("a restart of the service is not logged", () => {
  assert.deepEqual(
    logged(unreachable(gone, 0), unreachable(gone, 5000), { t: "reachable", type }),
    [],
  );
});

test("a service that denies access is logged at once", () => {
  assert.match(
    logged(unreachable(denied, 0), unreachable(denied, 1000)).join(),
    /^warn .*"reason":"denied"[^,]*,[^,]*$/,
  );
});

test("accepted, refused and withdrawn objects are logged with name and reason", () => {
  const lines = logged(
    { t: "downloading", object, bytes: 7 },
    { t: "acknowledged", object, ack: "received" },
    { t: "accepted", object, contentId: "street@1.2.0" },
    { t: "refused", object, reason: "labels.txt: leads outside" },
    { t: "withdrawn", object, contentId: "street@1.2.0" },
  );
  const fields = `"type":"${type}","id":"street","version":"1.2.0"`;
  assert.deepEqual(lines, [
    `info downloading object {${fields},"bytes":7}`,
    `info object accepted {${fields},"contentId":"street@1.2.0"}`,
    `error object refused {${fields},"detail":"labels.txt: leads outside"}`,
    `info object withdrawn by the hub {${fields},"contentId":"street@1.2.0"}`,
  ]);
});

test("the same reason to postpone is logged once", () => {
  const postponed: HubEvent = { t: "postponed", object, reason: "no space left", delayMs: 1500 };
  const lines = logged(postponed, postponed, { ...postponed, reason: "other" });
  assert.equal(lines.length, 2);
  assert.match(
    lines[0] ?? "",
    /^warn object postponed, trying again .*"seconds":2,"detail":"no space left"/,
  );
});

test("an evicted model is logged", () => {
  const event = { t: "removed", bundle: "a@1", bytes: 5, why: "room was needed" } as const;
  assert.deepEqual(logged({ t: "store", event }), [
    'info model removed {"model":"a@1","bytes":5,"detail":"room was needed"}',
  ]);
});
