// `make bench-fleet`: how long it takes to plan a rollout over NODES (100000) nodes, and to render the fleet page.

import type { NodeReport } from "../src/common/hub/node-report.js";
import { pageHtml } from "../src/fleet/page/page.js";
import { nodeRow, planText, ringTable } from "../src/fleet/rollout/fleet-report.js";
import { versionGate } from "../src/fleet/rollout/gates.js";
import {
  DEFAULT_THRESHOLDS,
  type FleetNode,
  rolloutNodes,
} from "../src/fleet/rollout/node-state.js";
import { canary } from "../src/fleet/rollout/rollout-plan.js";
import {
  policiesOf,
  type RolloutPolicy,
  readRolloutPolicy,
  rolloutOf,
} from "../src/fleet/rollout/rollout-state.js";

const NAMES = ["policy-slipstream", "policy-slipstream-b"] as const;
const count = Number(process.env["NODES"] || 100_000);
if (!(count >= 1)) throw new Error(`NODES is "${process.env["NODES"]}"; a whole number from 1`);
const nowMs = Date.now();
const CATALOGUE = { services: undefined, servicePolicies: new Map() };

function template(version: string, old: string) {
  const versions = [version, ...(old === "" ? [] : [old])].map((one, i) => ({
    version: one,
    priority: { priority_value: i + 1, retries: 1, retry_durations: 3600 },
  }));
  return {
    label: `slipstream ${version}`,
    service: { name: "slipstream", org: "myorg", arch: "*", serviceVersions: versions },
    constraints: ["slipstream.runtime == nvidia", "slipstream.ring >= 0"],
  };
}

function node(i: number): FleetNode {
  const createdMs = nowMs - 86_400_000;
  const report: NodeReport = {
    format: 1,
    at: new Date(nowMs).toISOString(),
    version: "1.0.0",
    trial: { state: "passed" },
    failed: [],
    model: "nanodet-coco@1.0.0",
    cameras: { live: 3, all: 4 },
    objects: [],
  };
  return {
    policy: {
      id: `node-${i}`,
      properties: [
        { name: "openhorizon.arch", value: i % 2 === 0 ? "amd64" : "arm64" },
        { name: "slipstream.runtime", value: "nvidia" },
        { name: "slipstream.ring", value: i < count / 50 ? 1 : i < count / 8 ? 2 : 3 },
      ],
      constraints: [],
    },
    heartbeatMs: nowMs,
    running: {
      version: "1.0.0",
      missing: [],
      changedMs: createdMs,
      containers: ["agent", "sidecar"].map((name) => ({ name, state: "running", createdMs })),
    },
    report,
  };
}

function measured<T>(what: string, run: () => T): T {
  const began = performance.now();
  const used = process.cpuUsage();
  const result = run();
  const { user, system } = process.cpuUsage(used);
  const [seconds, cpu] = [(performance.now() - began) / 1000, (user + system) / 1e6];
  console.log(`${what.padEnd(44)} ${seconds.toFixed(2)} s, ${cpu.toFixed(2)} s of CPU`);
  return result;
}

const nodes = Array.from({ length: count }, (_, i) => node(i));
const first = readRolloutPolicy(NAMES[0], template("1.0.0", ""), nowMs - 86_400_000);
const rollout = rolloutOf([first]);
const nodesUnder = (policies: readonly RolloutPolicy[]) =>
  rolloutNodes(nodes, policies, CATALOGUE, nowMs, DEFAULT_THRESHOLDS);

console.log(`${count} nodes`);
const after = measured("planning a canary, before and after", () => {
  const plan = canary(rollout, { version: "2.0.0", ring: 1, names: NAMES, template });
  const placed = nodesUnder(plan.policies);
  planText(plan, nodesUnder(policiesOf(rollout)), placed);
  return { plan, placed };
});
measured("the gate and the table of rings", () => {
  const next = rolloutOf(after.plan.policies);
  if (next.t === "in progress") versionGate(next, after.placed, 0);
  ringTable(after.placed);
});
const page = measured("the fleet page", () =>
  pageHtml({
    ...{ org: "myorg", service: "slipstream", at: new Date(nowMs).toISOString(), summary: "" },
    rows: after.placed.map(nodeRow),
  }),
);
console.log(`${(page.length / 1e6).toFixed(1)} MB of page`);
