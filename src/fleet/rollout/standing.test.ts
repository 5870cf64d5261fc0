import assert from "node:assert/strict";
import test from "node:test";
import type { NodeReport } from "../../common/hub/node-report.js";
import { ALL } from "./rings.js";
import { type Share, shareOf } from "./shares.js";
import { type FleetNode, PATIENCE, type Running, standings } from "./standing.js";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const minutes = (count: number) => count * 60_000;

const share: Share = shareOf(
  "policy",
  {
    label: "policy",
    service: {
      name: "slipstream",
      org: "myorg",
      arch: "*",
      serviceVersions: [
        { version: "2.0.0", priority: { priority_value: 1, retries: 2, retry_durations: 3600 } },
        { version: "1.0.0", priority: { priority_value: 2, retries: 2, retry_durations: 3600 } },
      ],
    },
    constraints: ["slipstream.ring >= 0"],
  },
  NOW - minutes(60),
);
const catalogue = { services: undefined, servicePolicies: new Map() };

function standingOf(
  running: Running | undefined,
  more: Partial<FleetNode> = {},
  patience = PATIENCE,
) {
  const policy = {
    id: "node",
    properties: [{ name: "slipstream.ring", value: 1 }],
    constraints: [],
  };
  const node = { policy, heardMs: NOW - minutes(1), running, report: undefined, ...more };
  const [placed] = standings([node], [share], catalogue, NOW, patience);
  return placed?.standing;
}

function runs(version: string, ageMinutes: number, state = "running"): Running {
  const createdMs = NOW - minutes(ageMinutes);
  return {
    version,
    missing: [],
    changedMs: createdMs,
    containers: [
      { name: "agent", state: "running", createdMs },
      { name: "sidecar", state, createdMs },
    ],
  };
}

test("the policy has all rings, and its versions in the order of their priority", () => {
  assert.deepEqual([share.rings, share.versions], [ALL, ["2.0.0", "1.0.0"]]);
});

function said(
  version: string,
  state: NodeReport["trial"]["state"],
  ageMinutes: number,
): Pick<FleetNode, "report"> {
  const at = new Date(NOW - minutes(ageMinutes)).toISOString();
  return {
    report: { format: 1, at, version, trial: { state, reason: "why" }, failed: [], objects: [] },
  };
}

test("a version is proven by its own trial alone, however long its containers run", () => {
  const running = runs("2.0.0", 6000);
  const version = "2.0.0";
  assert.deepEqual(standingOf(running, said(version, "passed", 1)), { t: "proven", version });
  const onTrial = { t: "on trial", version, leftMs: 0 };
  assert.deepEqual(standingOf(running), { ...onTrial, why: "no report" });
  assert.deepEqual(standingOf(running, said(version, "on trial", 1)), { ...onTrial, why: "trial" });
  assert.deepEqual(standingOf(running, said(version, "unknown", 1)), { ...onTrial, why: "trial" });
  const failed = { t: "failed", version, reason: "why" };
  assert.deepEqual(standingOf(running, said(version, "failed", 1)), failed);
  assert.deepEqual(standingOf(running, said(version, "off", 1)), { t: "untried", version });
  const other = { t: "other version", version, says: "1.0.0" };
  assert.deepEqual(standingOf(running, said("1.0.0", "passed", 1)), other);
});

test("what a node said before these containers were made is of other ones", () => {
  const standing = standingOf(runs("2.0.0", 10), said("2.0.0", "passed", 11));
  assert.equal(standing?.t === "on trial" && standing.why, "no report");
});

test("an older version from before the change of the policy is still there", () => {
  assert.deepEqual(standingOf(runs("1.0.0", 90)), { t: "waiting", version: "1.0.0" });
});

test("an older version that began after the change has come back", () => {
  assert.deepEqual(standingOf(runs("1.0.0", 50)), {
    ...{ t: "rolled back", version: "1.0.0" },
    reason: "it has not said why",
  });
});

test("a container that does not run is named, however old it is", () => {
  assert.deepEqual(standingOf(runs("2.0.0", 90, "restarting")), {
    t: "unsteady",
    version: "2.0.0",
    container: "sidecar",
    state: "restarting",
  });
});

test("a container that the Exchange does not list is not there", () => {
  const standing = standingOf({ ...runs("2.0.0", 90), missing: ["sidecar"] });
  assert.equal(standing?.t === "unsteady" && standing.state, "not there");
});

test("who wants to see it run for a while waits, by the Exchange's clock where a node's is an hour behind", () => {
  const running = { ...runs("2.0.0", 65), changedMs: NOW - minutes(5) };
  const patience = { ...PATIENCE, provenMs: minutes(30) };
  assert.deepEqual(standingOf(running, said("2.0.0", "passed", 60), patience), {
    ...{ t: "on trial", version: "2.0.0", why: "patience" },
    leftMs: minutes(25),
  });
});

test("a node that runs nothing is empty", () => {
  assert.deepEqual(standingOf(undefined), { t: "empty" });
  assert.deepEqual(standingOf({ ...runs("2.0.0", 5), containers: [] }), { t: "empty" });
});

test("what a silent node runs is hearsay", () => {
  const heardMs = NOW - minutes(11);
  assert.deepEqual(standingOf(runs("2.0.0", 90), { heardMs }), { t: "silent", sinceMs: heardMs });
});

test("a node without a ring is meant to run nothing", () => {
  const policy = { id: "node", properties: [], constraints: [] };
  assert.deepEqual(standingOf(undefined, { policy }), { t: "not meant" });
});
