import assert from "node:assert/strict";
import test from "node:test";
import type { NodeReport } from "../../common/hub/node-report.js";
import { DEFAULT_THRESHOLDS, type FleetNode, type Running, rolloutNodes } from "./node-state.js";
import { ALL_RINGS, type RolloutPolicy, readRolloutPolicy } from "./rollout-state.js";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const minutes = (count: number) => count * 60_000;

const rolloutPolicy: RolloutPolicy = readRolloutPolicy(
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

function stateOf(
  running: Running | undefined,
  more: Partial<FleetNode> = {},
  thresholds = DEFAULT_THRESHOLDS,
) {
  const policy = {
    id: "node",
    properties: [{ name: "slipstream.ring", value: 1 }],
    constraints: [],
  };
  const node = { policy, heartbeatMs: NOW - minutes(1), running, report: undefined, ...more };
  const [placed] = rolloutNodes([node], [rolloutPolicy], catalogue, NOW, thresholds);
  return placed?.state;
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

test("the policy covers all rings, and has its versions in the order of their priority", () => {
  const { rings, versions } = rolloutPolicy;
  assert.deepEqual([rings, versions], [ALL_RINGS, ["2.0.0", "1.0.0"]]);
});

function reported(
  version: string,
  state: NodeReport["trial"]["state"],
  ageMinutes: number,
): Pick<FleetNode, "report"> {
  const at = new Date(NOW - minutes(ageMinutes)).toISOString();
  return {
    report: { format: 1, at, version, trial: { state, reason: "why" }, failed: [], objects: [] },
  };
}

test("only its own trial proves a version, however long its containers run", () => {
  const running = runs("2.0.0", 6000);
  const version = "2.0.0";
  assert.deepEqual(stateOf(running, reported(version, "passed", 1)), { t: "proven", version });
  const onTrial = { t: "on trial", version, leftMs: 0 };
  assert.deepEqual(stateOf(running), { ...onTrial, why: "no report" });
  assert.deepEqual(stateOf(running, reported(version, "on trial", 1)), {
    ...onTrial,
    why: "trial",
  });
  assert.deepEqual(stateOf(running, reported(version, "unknown", 1)), { ...onTrial, why: "trial" });
  const failed = { t: "failed", version, reason: "why" };
  assert.deepEqual(stateOf(running, reported(version, "failed", 1)), failed);
  assert.deepEqual(stateOf(running, reported(version, "off", 1)), { t: "no trial", version });
  const other = { t: "wrong version", version, reported: "1.0.0" };
  assert.deepEqual(stateOf(running, reported("1.0.0", "passed", 1)), other);
});

test("a report from before these containers were created is about other ones", () => {
  const state = stateOf(runs("2.0.0", 10), reported("2.0.0", "passed", 11));
  assert.equal(state?.t === "on trial" && state.why, "no report");
});

test("an older version from before the change of the policy is pending", () => {
  assert.deepEqual(stateOf(runs("1.0.0", 90)), { t: "pending", version: "1.0.0" });
});

test("an older version that started after the change was rolled back to", () => {
  assert.deepEqual(stateOf(runs("1.0.0", 50)), {
    ...{ t: "rolled back", version: "1.0.0" },
    reason: "no reason reported yet",
  });
});

test("a container that does not run is named, however old it is", () => {
  assert.deepEqual(stateOf(runs("2.0.0", 90, "restarting")), {
    t: "degraded",
    version: "2.0.0",
    container: "sidecar",
    state: "restarting",
  });
});

test("a container that the Exchange does not list is missing", () => {
  const state = stateOf({ ...runs("2.0.0", 90), missing: ["sidecar"] });
  assert.equal(state?.t === "degraded" && state.state, "missing");
});

test("probation is counted by the Exchange's clock, even if a node's is an hour behind", () => {
  const running = { ...runs("2.0.0", 65), changedMs: NOW - minutes(5) };
  const thresholds = { ...DEFAULT_THRESHOLDS, provenAfterMs: minutes(30) };
  assert.deepEqual(stateOf(running, reported("2.0.0", "passed", 60), thresholds), {
    ...{ t: "on trial", version: "2.0.0", why: "probation" },
    leftMs: minutes(25),
  });
});

test("a node without containers is not running", () => {
  assert.deepEqual(stateOf(undefined), { t: "not running" });
  assert.deepEqual(stateOf({ ...runs("2.0.0", 5), containers: [] }), { t: "not running" });
});

test("a node without heartbeats is silent, whatever it ran last", () => {
  const heartbeatMs = NOW - minutes(11);
  const silent = { t: "silent", sinceMs: heartbeatMs };
  assert.deepEqual(stateOf(runs("2.0.0", 90), { heartbeatMs }), silent);
});

test("no policy covers a node without a ring", () => {
  const policy = { id: "node", properties: [], constraints: [] };
  assert.deepEqual(stateOf(undefined, { policy }), { t: "no policy" });
});
