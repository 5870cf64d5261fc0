import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "../../common/testing/seeded-random.js";
import { SidecarError } from "../sidecar/error.js";
import type { CameraState } from "../sidecar/state.js";
import { type Behaviour, LIVE, LOST, SimulatedNode, WELL } from "../testing/simulated-node.js";
import type { Candidate } from "./candidate.js";
import { failed, passed } from "./memory.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES } from "./rules.js";
import { dueMs, wanted } from "./trial.js";

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
    masks: [],
    off: undefined,
  } as const;
  const bundlePath = `/models/${number}`;
  const spec = {
    cameras: [camera],
    model: { bundlePath, interval: undefined, threshold: undefined, classes: [] },
    tracker: undefined,
    overlay: { boxes: true, labels: true, counts: true, names: true },
    outputs: [],
  };
  return { subject: `subject ${number}`, desired: { generation, spec }, content: number };
}

/** One life of a node, in which anything may happen at any time. */
function live(seed: number): void {
  const { number, below, pick } = seededRandom(seed);
  const rules = {
    on: true,
    version: pick<string | undefined>([undefined, "2.0.0"]),
    bounds: DEFAULT_BOUNDS,
    times: DEFAULT_TIMES,
  };
  const behaviours = Array.from({ length: 5 }, () => ({ ...WELL, ...pick(BEHAVIOURS) }));
  const node = new SimulatedNode(rules, ({ spec }) => {
    return behaviours[Number(spec.model.bundlePath.split("/").at(-1))] ?? WELL;
  });
  let good: Candidate | undefined = pick<Candidate | undefined>([undefined, candidate(0)]);
  if (good !== undefined) node.memory = passed(node.memory, good, undefined, "1.0.0", 0);
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
      node.tell({ t: "parted", why: "call failed", err });
    },
    () => node.tell({ t: "told", event: { t: "unknown" } }),
    () => node.pass(120),
  ];
  for (let turn = 0; turn < 30; turn++) {
    pick(events)();
    node.pass(2 * below(20));
    const { trial } = node;
    assert.ok(wanted(trial) !== undefined, "something is always wanted");
    if (trial.t === "refused" && trial.case.kind === "change" && trial.case.lastGood) {
      assert.equal(wanted(trial), trial.case.lastGood.desired, "the last good one is back");
    }
    if (trial.t === "confirmed" && trial.by === "trial") {
      good = trial.candidate;
      node.memory = passed(node.memory, good, trial.figures, trial.version, node.nowMs);
    } else if (trial.t === "refused" && trial.instead !== undefined) {
      const { subject } = trial.case.candidate;
      const refusal = { subject, faults: trial.faults, refused: true };
      node.memory = failed(node.memory, refusal, node.nowMs);
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
    node.pass(1200, ({ t }) => t === "confirmed" || t === "refused"),
    "it is decided",
  );
}

describe("a trial in which anything may happen", () => {
  const lives = 500;
  const first = Number(process.env["FUZZ_SEED"] ?? 20_260_101);
  it(`always wants something, never hangs and never spins; seeds from ${first}`, () => {
    for (let seed = first; seed < first + lives; seed++) {
      try {
        live(seed);
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause });
      }
    }
  });
});
