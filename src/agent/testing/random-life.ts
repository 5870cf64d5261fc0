/** One life of a simulated node, in which anything may happen at any time. */

import assert from "node:assert/strict";
import type { PipelineSpec } from "../../common/settings/spec.js";
import { seededRandom } from "../../common/testing/seeded-random.js";
import { SidecarError } from "../sidecar/calls.js";
import type { CameraState } from "../sidecar/state.js";
import type { Candidate } from "../trial/candidate.js";
import { recordFailure, recordPass } from "../trial/record.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES } from "../trial/rules.js";
import { dueMs, toApply } from "../trial/trial.js";
import { type Behaviour, LIVE, LOST, SimulatedNode, WELL } from "./simulated-node.js";

const BEHAVIOURS: readonly [Partial<Behaviour>, ...Partial<Behaviour>[]] = [
  {},
  { processed: 0 },
  { processed: 0.5 },
  { diesAfterMs: 3000 },
  { output: { t: "waiting" } },
  { output: { t: "failed", reason: "encoder", detail: "", nextAttempt: undefined } },
  { pipeline: { t: "failed", reason: "gpu", detail: "", nextAttempt: undefined } },
  { pipeline: { t: "loading", phase: "engine", progress: undefined } },
  { problems: [{ severity: "error", code: "x", path: "model", message: "bad" }] },
];

function candidate(number: number, generation = `g${number}`): Candidate {
  const camera = {
    id: "front",
    name: "",
    uri: "rtsp://front/",
    credentials: undefined,
    transport: "tcp",
    acceptAnyCertificate: false,
    latencyMs: 0,
    frozenAfterMs: 0,
    silentAfterMs: 10_000,
    stillIntervalMs: 0,
    masks: [],
    hiding: undefined,
    off: undefined,
  } as const;
  const bundlePath = `/models/${number}`;
  const spec: PipelineSpec = {
    cameras: [camera],
    models: [{ bundlePath, interval: undefined, threshold: undefined, classes: [] }],
    tracker: undefined,
    overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
    outputs: [],
  };
  return { revision: `revision ${number}`, desired: { generation, spec }, content: number };
}

/** Asserts that there is always something to apply, that the trial never spins, and that it ends once all is well. */
export function randomLife(seed: number): SimulatedNode {
  const { number, below, pick } = seededRandom(seed);
  const rules = {
    on: true,
    version: pick<string | undefined>([undefined, "2.0.0"]),
    bounds: DEFAULT_BOUNDS,
    times: DEFAULT_TIMES,
  };
  const behaviours = Array.from({ length: 5 }, () => ({ ...WELL, ...pick(BEHAVIOURS) }));
  const node = new SimulatedNode(rules, ({ spec }) => {
    return behaviours[Number(spec.models[0].bundlePath.split("/").at(-1))] ?? WELL;
  });
  let good: Candidate | undefined = pick<Candidate | undefined>([undefined, candidate(0)]);
  if (good !== undefined) node.record = recordPass(node.record, good, undefined, "1.0.0", 0);
  node.consider(candidate(1), good);
  const events: readonly [() => void, ...(() => void)[]] = [
    () => node.consider(candidate(below(5)), good),
    () => node.consider(candidate(1, `again ${number()}`), good),
    () => node.killWorker(),
    () => {
      node.isThere = !node.isThere;
    },
    () =>
      node.cameras.set("rtsp://front/", {
        state: pick<CameraState>([LIVE, LOST]),
        rate: 20 * number(),
      }),
    () => {
      const err = new SidecarError("DEADLINE_EXCEEDED", "Check", "too late");
      node.tell({ t: "disconnected", why: "call failed", err });
    },
    () => node.tell({ t: "update", event: { t: "unknown" } }),
    () => node.pass(120),
  ];
  for (let turn = 0; turn < 30; turn++) {
    pick(events)();
    node.pass(2 * below(20));
    const { trial } = node;
    assert.ok(toApply(trial) !== undefined, "there is always something to apply");
    if (trial.t === "failed" && trial.comparison.kind === "change" && trial.comparison.lastGood) {
      assert.equal(toApply(trial), trial.comparison.lastGood.desired, "the last good one is back");
    }
    if (trial.t === "passed" && trial.by === "trial") {
      good = trial.candidate;
      node.record = recordPass(node.record, good, trial.figures, trial.version, node.nowMs);
    } else if (trial.t === "failed" && trial.fallback !== undefined) {
      const { revision } = trial.comparison.candidate;
      const failure = { revision, faults: trial.faults, rolledBack: true };
      node.record = recordFailure(node.record, failure, node.nowMs);
    }
    node.tell({ t: "time" });
    assert.ok(dueMs(node.trial) > node.nowMs, `no time is due twice: ${node.trial.t}`);
  }
  // Whatever it was, there is a verdict once everything is well.
  behaviours.fill(WELL);
  node.isThere = true;
  node.cameras.clear();
  node.consider(candidate(4), good);
  assert.ok(
    node.pass(1200, ({ t }) => t === "passed" || t === "failed"),
    "it is decided",
  );
  return node;
}
