import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Desired, generationOf, type PipelineSpec } from "../../common/settings/spec.js";
import type { Problem } from "../sidecar/sidecar.js";
import { type Behaviour, LIVE, LOST, SimulatedNode, WELL } from "../testing/simulated-node.js";
import type { Candidate } from "./candidate.js";
import { recordPass, recordStart } from "./record.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES, type Fault, type Rules } from "./rules.js";
import { type Trial, toApply } from "./trial.js";

const rules: Rules = {
  on: true,
  version: undefined,
  bounds: DEFAULT_BOUNDS,
  times: DEFAULT_TIMES,
};
const service: Rules = { ...rules, version: "2.0.0" };

const BAD: Problem = {
  severity: "error",
  code: "no-bundle",
  path: "model.bundle_path",
  message: "there is none",
};

interface Content {
  model?: string;
  cameras?: readonly string[];
  off?: boolean;
}

/** A candidate whose cameras are named by their addresses. */
function candidate(revision: string, content: Content = {}): Candidate {
  const { model = `/models/${revision}`, cameras = ["front", "back"], off = false } = content;
  const spec: PipelineSpec = {
    cameras: cameras.map((id) => ({
      id,
      name: "",
      uri: `rtsp://${id}/`,
      credentials: undefined,
      transport: "tcp",
      acceptAnyCertificate: false,
      latencyMs: 100,
      frozenAfterMs: 60_000,
      silentAfterMs: 10_000,
      stillIntervalMs: 0,
      masks: [],
      hiding: undefined,
      off: off ? { untilMs: undefined } : undefined,
    })),
    models: [{ bundlePath: model, interval: undefined, threshold: undefined, classes: [] }],
    tracker: undefined,
    overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
    outputs: [
      {
        id: "rtsp",
        layout: "tiled",
        encoding: { codec: "H264", width: 1280, height: 720, bitrate: 4_000_000, frameRate: 25 },
        target: { t: "rtsp", port: 8554, path: "/ds", users: [] },
      },
    ],
  };
  return { revision, desired: { generation: generationOf(spec), spec }, content: { revision } };
}

const good = candidate("good");
const fresh = candidate("fresh");

/** Behaves so wherever this model runs, and well elsewhere. */
function whereRuns(model: string, behaviour: Partial<Behaviour>): (desired: Desired) => Behaviour {
  return ({ spec }) =>
    spec.models[0].bundlePath === `/models/${model}` ? { ...WELL, ...behaviour } : WELL;
}

/** A node on which `good` has passed and has run for two minutes. */
function settled(behaviour?: (desired: Desired) => Behaviour, its: Rules = rules): SimulatedNode {
  const node = new SimulatedNode(its, behaviour);
  node.record = recordPass(node.record, good, undefined, undefined, 0);
  node.consider(good, good);
  node.pass(120);
  assert.deepEqual(node.applied.splice(0), [good.desired.generation]);
  return node;
}

function isDecided({ t }: Trial): boolean {
  return t === "passed" || t === "failed";
}

function at({ trial }: SimulatedNode): Trial["t"] {
  return trial.t;
}

function versionOf(trial: Trial): string | undefined {
  return trial.t === "passed" ? trial.version : undefined;
}

function codes(trial: Trial): Fault["code"][] {
  assert.equal(trial.t, "failed");
  return trial.t === "failed" ? trial.faults.map(({ code }) => code) : [];
}

/** Lets `fresh` run on trial to its end. */
function tryFresh(node: SimulatedNode, seconds = 300): Trial {
  node.consider(fresh, good);
  assert.ok(node.pass(seconds, isDecided), "there is a verdict");
  return node.trial;
}

describe("a change on trial", () => {
  it("is not blamed for workers that die before they are given it", () => {
    const node = settled();
    node.consider(fresh, good);
    node.isThere = false;
    node.diesAtStart = true;
    node.pass(60);
    assert.ok(!isDecided(node.trial));
  });

  it("is checked while the last good one stays active, then watched, then passes", () => {
    const node = settled();
    node.consider(fresh, good);
    assert.equal(at(node), "checking");
    assert.equal(toApply(node.trial), good.desired);
    node.pass(2);
    assert.equal(at(node), "watching");
    assert.ok(node.pass(DEFAULT_TIMES.trialMs / 1000 + 10, isDecided));
    assert.equal(at(node), "passed");
    assert.deepEqual(node.applied, [fresh.desired.generation]);
  });

  it("is watched no longer than its time", () => {
    const node = settled();
    node.consider(fresh, good);
    const began = node.nowMs;
    tryFresh(node);
    assert.ok(node.nowMs - began <= DEFAULT_TIMES.trialMs + 10_000);
  });

  const bad: readonly [string, Partial<Behaviour>, Fault["code"]][] = [
    ["that Check refuses", { problems: [BAD] }, "refused"],
    ["that kills its worker", { diesAfterMs: 2000 }, "worker died"],
    [
      "whose pipeline fails",
      { pipeline: { t: "failed", reason: "model", detail: "no", nextAttempt: undefined } },
      "pipeline failed",
    ],
    ["that never runs", { pipeline: { t: "loading", phase: "graph", progress: 0 } }, "not ready"],
    ["with half the frames", { processed: 0.5 }, "frame rate"],
    ["that takes half the frames from the cameras", { received: 0.5 }, "frame rate"],
    ["of which no frame leaves detection", { processed: 0 }, "stalled"],
    ["with slow inference", { inferenceMs: 60 }, "latency"],
    ["whose output has no frame", { output: { t: "waiting" } }, "no output"],
    [
      "whose output fails",
      { output: { t: "failed", reason: "encoder", detail: "no", nextAttempt: undefined } },
      "output failed",
    ],
  ];
  for (const [name, behaviour, code] of bad) {
    it(`gives way to the last good one: one ${name}`, () => {
      const node = settled(whereRuns("fresh", behaviour));
      const trial = tryFresh(node);
      assert.ok(codes(trial).includes(code), JSON.stringify(codes(trial)));
      assert.equal(toApply(trial), good.desired);
      node.pass(600);
      assert.equal(at(node), "failed", "it is not tried again");
    });
  }

  it("says how its worker died", () => {
    const trial = tryFresh(settled(whereRuns("fresh", { diesAfterMs: 2000 })));
    const [fault] = trial.t === "failed" ? trial.faults : [];
    const detail = "the worker died 2 times, the last one exited with signal SIGSEGV";
    assert.deepEqual(fault, { code: "worker died", detail });
  });

  it("fails for missing objects only where objects count", () => {
    const blind = whereRuns("fresh", { objectsPerFrame: 0 });
    assert.equal(tryFresh(settled(blind)).t, "passed");
    const strict = { ...rules, bounds: { ...DEFAULT_BOUNDS, detections: 0.2 } };
    assert.deepEqual(codes(tryFresh(settled(blind, strict))), ["detections"]);
  });

  it("survives one death of the worker, and its time starts again", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(30);
    node.killWorker();
    node.pass(40);
    assert.equal(at(node), "watching");
    assert.ok(node.pass(60, isDecided));
    assert.equal(at(node), "passed");
  });

  it("may take many minutes to build its TensorRT engine", () => {
    let builds = true;
    const node = settled(({ spec }) => {
      const building = { t: "loading", phase: "engine", progress: undefined } as const;
      const isFresh = spec.models[0].bundlePath === "/models/fresh";
      return isFresh && builds ? { ...WELL, pipeline: building } : WELL;
    });
    node.consider(fresh, good);
    node.pass(1500);
    assert.equal(at(node), "watching");
    builds = false;
    assert.ok(node.pass(80, isDecided));
    assert.equal(at(node), "passed");
  });

  it("waits for a sidecar that is away, and is not blamed for it", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(10);
    node.killWorker();
    node.isThere = false;
    node.pass(3600);
    assert.equal(at(node), "watching");
    node.isThere = true;
    assert.ok(node.pass(80, isDecided));
    assert.equal(at(node), "passed");
  });

  it("fails at once where the record says that it has failed", () => {
    const node = settled();
    const at = "2026-01-01T00:00:00.000Z";
    const faults = [{ code: "stalled", detail: "as before" }] as const;
    node.record = { ...node.record, failedRevisions: [{ revision: "fresh", faults, at }] };
    node.consider(fresh, good);
    assert.deepEqual(codes(node.trial), ["stalled"]);
    node.pass(60);
    assert.deepEqual(node.applied, [], "nothing was applied");
  });

  it("passes at once when only hours or secrets differ", () => {
    const node = settled();
    const night = { ...good, desired: candidate("good", { off: true }).desired };
    node.consider(night, night);
    assert.equal(at(node), "passed");
    assert.equal(toApply(node.trial), night.desired);
  });

  it("passes at once when its specification is the active one", () => {
    const node = settled();
    node.consider({ ...good, revision: "a comment was added" }, good);
    assert.equal(at(node), "passed");
    node.pass(60);
    assert.deepEqual(node.applied, []);
  });

  it("stays on trial when its hours change", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(100 - 60);
    const night = { ...fresh, desired: candidate("fresh", { off: true }).desired };
    node.consider(night, good);
    assert.equal(at(node), "watching");
    assert.equal(toApply(node.trial), night.desired);
    assert.ok(node.pass(80, isDecided));
    assert.equal(at(node), "passed");
  });

  it("gives way to the next candidate, which is compared with the last good one", () => {
    const node = settled(whereRuns("fresh", { processed: 0.5 }));
    node.consider(fresh, good);
    node.pass(30);
    node.consider(candidate("third"), good);
    assert.ok(node.pass(100, isDecided));
    assert.equal(at(node), "passed");
  });

  it("is dropped when the settings go back to the last good ones", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(30);
    node.consider(good, good);
    assert.equal(at(node), "passed");
    assert.equal(toApply(node.trial), good.desired);
  });

  it("fails after the agent has ended five times in the middle of its trial", () => {
    const node = settled();
    for (let start = 0; start < 5; start++) node.record = recordStart(node.record, "fresh");
    node.consider(fresh, good);
    assert.deepEqual(codes(node.trial), ["interrupted"]);
  });

  it("passes when a person confirms what runs, and not before it runs", () => {
    const node = settled();
    node.consider(fresh, good);
    assert.equal(at(node), "checking");
    node.tell({ t: "confirmed" });
    assert.equal(at(node), "checking");
    node.pass(10);
    assert.equal(at(node), "watching");
    node.tell({ t: "confirmed" });
    assert.ok(node.trial.t === "passed" && node.trial.by === "trial");
    assert.equal(toApply(node.trial), fresh.desired);
  });

  it("is not confirmed while its pipeline does not run yet", () => {
    const pipeline = { t: "loading", phase: "engine", progress: undefined } as const;
    const node = settled(whereRuns("fresh", { pipeline }));
    node.consider(fresh, good);
    node.pass(10);
    assert.equal(at(node), "watching");
    node.tell({ t: "confirmed" });
    assert.equal(at(node), "watching");
  });

  it("gives way to the last good one when a person takes it back, and is not tried again", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(10);
    node.tell({ t: "taken back" });
    assert.deepEqual(codes(node.trial), ["taken back"]);
    assert.equal(toApply(node.trial), good.desired);
    node.consider(fresh, good);
    assert.equal(at(node), "failed");
  });

  it("is not touched by what a person says when nothing is on trial", () => {
    const node = settled();
    for (const t of ["confirmed", "taken back"] as const) node.tell({ t });
    assert.equal(at(node), "passed");
  });

  it("is applied untried where trials are off", () => {
    const node = new SimulatedNode({ ...rules, on: false }, whereRuns("fresh", { processed: 0 }));
    node.consider(fresh, good);
    node.pass(600);
    assert.equal(at(node), "passed");
  });
});

describe("cameras during a trial", () => {
  it("do not count when they were down before", () => {
    const node = new SimulatedNode(rules);
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.record = recordPass(node.record, good, undefined, undefined, 0);
    node.consider(good, good);
    node.pass(120);
    assert.equal(tryFresh(node).t, "passed");
  });

  it("do not count when they go down", () => {
    const node = settled();
    const camera = { state: LIVE, rate: 15 };
    node.cameras.set("rtsp://front/", camera);
    node.consider(fresh, good);
    node.pass(30);
    camera.rate = 2;
    node.pass(10);
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.pass(10);
    node.cameras.set("rtsp://front/", camera);
    assert.ok(node.pass(60, isDecided));
    assert.equal(at(node), "passed");
  });

  it("may all be down: then the self-test decides", () => {
    const node = settled();
    for (const id of ["front", "back"]) {
      node.cameras.set(`rtsp://${id}/`, { state: LOST, rate: 15 });
    }
    node.consider(fresh, good);
    assert.ok(node.pass(100, ({ t }) => t === "self-testing"));
    assert.ok(node.pass(20, isDecided));
    assert.equal(at(node), "passed");
    assert.equal(toApply(node.trial), fresh.desired);
  });

  it("may all be down, and the candidate fails its self-test", () => {
    const node = settled(whereRuns("fresh", { processed: 0 }));
    for (const id of ["front", "back"]) {
      node.cameras.set(`rtsp://${id}/`, { state: LOST, rate: 15 });
    }
    const trial = tryFresh(node);
    assert.equal(trial.t, "failed");
    assert.equal(toApply(trial), good.desired);
  });

  it("count when they send what cannot be decoded any more", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(10);
    const state = { ...LOST, reason: "unsupported codec" } as const;
    node.cameras.set("rtsp://front/", { state, rate: 15 });
    assert.ok(node.pass(100, isDecided));
    assert.deepEqual(codes(node.trial), ["not decoded"]);
  });

  it("do not count for their names, which every object of the language may have", () => {
    const cameras = ["front", "constructor"];
    const before = candidate("before", { cameras });
    const node = new SimulatedNode(rules);
    node.cameras.set("rtsp://constructor/", { state: LOST, rate: 15 });
    node.record = recordPass(node.record, before, undefined, undefined, 0);
    node.consider(before, before);
    node.pass(120);
    const state = { ...LOST, reason: "unsupported codec" } as const;
    node.cameras.set("rtsp://constructor/", { state, rate: 15 });
    node.consider(candidate("after", { cameras }), before);
    assert.ok(node.pass(300, isDecided));
    assert.equal(at(node), "passed");
  });

  it("may come back and take their share of a busy machine", () => {
    let live = 1;
    const node = new SimulatedNode(rules, () => ({ ...WELL, processed: 1 / live }));
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.record = recordPass(node.record, good, undefined, undefined, 0);
    node.consider(good, good);
    node.pass(120);
    node.cameras.delete("rtsp://front/");
    live = 2;
    assert.equal(tryFresh(node).t, "passed");
  });

  it("may have come back a moment before, and take their share since", () => {
    let live = 1;
    const node = new SimulatedNode(rules, () => ({ ...WELL, processed: 1 / live }));
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.record = recordPass(node.record, good, undefined, undefined, 0);
    node.consider(good, good);
    node.pass(120);
    node.cameras.delete("rtsp://front/");
    live = 2;
    node.pass(20);
    assert.equal(tryFresh(node).t, "passed");
  });

  it("may come back and make inference slower by their share, and no more", () => {
    for (const [inferenceMs, t] of [
      [80, "passed"],
      [100, "failed"],
    ] as const) {
      const node = new SimulatedNode(rules, whereRuns("fresh", { inferenceMs }));
      node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
      node.record = recordPass(node.record, good, undefined, undefined, 0);
      node.consider(good, good);
      node.pass(120);
      node.cameras.delete("rtsp://front/");
      assert.equal(tryFresh(node).t, t);
    }
  });

  it("are no excuse when they were live before, and are lost and come back", () => {
    const node = settled(whereRuns("fresh", { processed: 0.5 }));
    node.consider(fresh, good);
    node.pass(10);
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.pass(10);
    node.cameras.delete("rtsp://front/");
    assert.ok(node.pass(60, isDecided));
    assert.deepEqual(codes(node.trial), ["frame rate"]);
  });

  it("may send less at dusk, while others do not", () => {
    const node = settled();
    node.cameras.set("rtsp://front/", { state: LIVE, rate: 7 });
    assert.equal(tryFresh(node).t, "passed");
  });

  it("are compared only where their source is the same", () => {
    const node = settled();
    node.cameras.set("rtsp://side/", { state: LIVE, rate: 5 });
    const moved = candidate("moved", { cameras: ["back", "side"] });
    const { cameras } = moved.desired.spec;
    const spec = {
      ...moved.desired.spec,
      cameras: cameras.map((camera) => ({
        ...camera,
        id: camera.id === "side" ? "front" : "back",
      })),
    };
    node.consider({ ...moved, desired: { generation: generationOf(spec), spec } }, good);
    assert.ok(node.pass(100, isDecided));
    assert.equal(at(node), "passed");
  });
});

describe("a first trial", () => {
  it("has nothing to roll back to: a candidate that fails runs on, and is tried again until it passes", () => {
    let broken = true;
    const node = new SimulatedNode(rules, () => (broken ? { ...WELL, processed: 0 } : WELL));
    node.consider(fresh);
    assert.ok(node.pass(100, isDecided));
    assert.deepEqual(codes(node.trial), ["stalled"]);
    assert.equal(toApply(node.trial), fresh.desired);
    broken = false;
    assert.ok(node.pass(200, ({ t }) => t === "passed"));
  });
});

describe("a new version of the service", () => {
  it("runs its self-test before the cameras", () => {
    const node = new SimulatedNode(service);
    node.consider(fresh);
    assert.equal(at(node), "self-testing");
    const test = toApply(node.trial)?.spec;
    assert.deepEqual(
      test?.cameras.map(({ id, uri }) => [id, uri.split("?")[0]]),
      [
        ["front", "test://ball"],
        ["back", "test://ball"],
      ],
    );
    assert.deepEqual(test?.outputs, fresh.desired.spec.outputs);
    assert.ok(node.pass(10, ({ t }) => t === "watching"));
    assert.ok(node.pass(80, isDecided));
    assert.equal(versionOf(node.trial), "2.0.0");
  });

  it("passes by its self-test alone where no camera is live", () => {
    const node = new SimulatedNode(service);
    for (const id of ["front", "back"]) {
      node.cameras.set(`rtsp://${id}/`, { state: LOST, rate: 15 });
    }
    node.consider(fresh);
    assert.ok(node.pass(120, isDecided));
    assert.equal(at(node), "passed");
  });

  it("fails where there is no sidecar, which is a part of it", () => {
    const node = new SimulatedNode(service);
    node.isThere = false;
    node.consider(fresh);
    assert.ok(node.pass(300, isDecided));
    assert.deepEqual(codes(node.trial), ["no answer"]);
  });

  it("fails within seconds where every worker dies at startup, and says how it died", () => {
    const node = new SimulatedNode(service);
    node.isThere = false;
    node.diesAtStart = true;
    node.consider(fresh);
    assert.ok(node.pass(10, isDecided));
    const [fault] = node.trial.t === "failed" ? node.trial.faults : [];
    const detail =
      "self-test: the worker died 4 times before it answered, the last one exited with signal SIGSEGV";
    assert.deepEqual(fault, { code: "worker died", detail });
  });

  it("survives two deaths at startup: the version before may still hold the GPU", () => {
    const node = new SimulatedNode(service);
    node.isThere = false;
    node.diesAtStart = true;
    node.consider(fresh);
    node.pass(4);
    node.isThere = true;
    assert.ok(node.pass(300, isDecided));
    assert.equal(at(node), "passed");
  });

  it("fails its self-test when no frame reaches the outputs", () => {
    const node = new SimulatedNode(service, () => ({ ...WELL, output: { t: "waiting" } }));
    node.consider(fresh);
    assert.ok(node.pass(300, isDecided));
    assert.deepEqual(codes(node.trial), ["not ready"]);
    assert.equal(toApply(node.trial), fresh.desired, "the cameras are shown as far as they can be");
  });

  it("does not fail for a port that another program holds", () => {
    const output = {
      t: "failed",
      reason: "port in use",
      detail: "",
      nextAttempt: undefined,
    } as const;
    const node = new SimulatedNode(service, () => ({ ...WELL, output }));
    node.consider(fresh);
    assert.ok(node.pass(300, isDecided));
    assert.equal(node.trial.t, "passed");
  });

  it("is compared with what the version before did on this node", () => {
    const cameras = { front: figures(15), back: figures(15) };
    const half = () => ({ ...WELL, processed: 0.5 });
    const node = new SimulatedNode(service, half);
    node.record = recordPass(node.record, good, { cameras, inferenceMs: 20 }, "1.0.0", 0);
    node.consider(good, good);
    assert.ok(node.pass(300, isDecided));
    assert.deepEqual(codes(node.trial), ["frame rate", "frame rate"]);
  });

  it("is tried with what ran before; a new candidate waits", () => {
    const node = new SimulatedNode(service);
    node.record = recordPass(node.record, good, undefined, "1.0.0", 0);
    node.consider(fresh, good);
    assert.ok(node.pass(300, isDecided));
    assert.equal(node.trial.t === "passed" && node.trial.candidate.revision, "good");
    node.record = recordPass(node.record, good, undefined, "2.0.0", 0);
    node.consider(fresh, good);
    assert.equal(at(node), "checking");
  });

  it("that has failed and keeps running still tries new settings", () => {
    let broken = true;
    const node = new SimulatedNode(service, () => (broken ? { ...WELL, inferenceMs: 99 } : WELL));
    const cameras = { front: figures(15), back: figures(15) };
    node.record = recordPass(node.record, good, { cameras, inferenceMs: 20 }, "1.0.0", 0);
    node.consider(fresh, good);
    assert.ok(node.pass(300, isDecided));
    assert.deepEqual(codes(node.trial), ["latency"]);
    broken = false;
    node.consider(fresh, good);
    assert.equal(at(node), "checking");
    assert.ok(node.pass(100, isDecided));
    assert.equal(versionOf(node.trial), "2.0.0");
  });

  function figures(framesPerSecond: number) {
    const liveMs = 60_000;
    return { liveMs, receivedPerSecond: framesPerSecond, framesPerSecond, objectsPerMinute: 0 };
  }
});
