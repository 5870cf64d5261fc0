import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Desired, generationOf, type PipelineSpec } from "../../common/settings/spec.js";
import type { Problem } from "../sidecar/sidecar.js";
import { type Behaviour, LIVE, LOST, SimulatedNode, WELL } from "../testing/simulated-node.js";
import type { Candidate } from "./candidate.js";
import type { FaultCode } from "./fault.js";
import { passed, tried } from "./memory.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES, type Rules } from "./rules.js";
import { type Trial, wanted } from "./trial.js";

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
function candidate(subject: string, content: Content = {}): Candidate {
  const { model = `/models/${subject}`, cameras = ["front", "back"], off = false } = content;
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
      masks: [],
      off: off ? { untilMs: undefined } : undefined,
    })),
    model: { bundlePath: model, interval: undefined, threshold: undefined, classes: [] },
    tracker: undefined,
    overlay: { boxes: true, labels: true, counts: true, names: true },
    outputs: [
      {
        id: "rtsp",
        layout: "tiled",
        encoding: { codec: "H264", width: 1280, height: 720, bitrate: 4_000_000, frameRate: 25 },
        target: { t: "rtsp", port: 8554, path: "/ds", users: [] },
      },
    ],
  };
  return { subject, desired: { generation: generationOf(spec), spec }, content: { subject } };
}

const good = candidate("good");
const fresh = candidate("fresh");

/** Behaves so wherever this model runs, and well elsewhere. */
function whereRuns(model: string, behaviour: Partial<Behaviour>): (desired: Desired) => Behaviour {
  return ({ spec }) =>
    spec.model.bundlePath === `/models/${model}` ? { ...WELL, ...behaviour } : WELL;
}

/** A node on which `good` has passed and has run for two minutes. */
function settled(behaviour?: (desired: Desired) => Behaviour, its: Rules = rules): SimulatedNode {
  const node = new SimulatedNode(its, behaviour);
  node.memory = passed(node.memory, good, undefined, undefined, 0);
  node.consider(good, good);
  node.pass(120);
  assert.deepEqual(node.applied.splice(0), [good.desired.generation]);
  return node;
}

function isDecided({ t }: Trial): boolean {
  return t === "confirmed" || t === "refused";
}

function at({ trial }: SimulatedNode): Trial["t"] {
  return trial.t;
}

function versionOf(trial: Trial): string | undefined {
  return trial.t === "confirmed" ? trial.version : undefined;
}

function codes(trial: Trial): FaultCode[] {
  assert.equal(trial.t, "refused");
  return trial.t === "refused" ? trial.faults.map(({ code }) => code) : [];
}

/** Lets `fresh` run on trial to its end. */
function tryFresh(node: SimulatedNode, seconds = 300): Trial {
  node.consider(fresh, good);
  assert.ok(node.pass(seconds, isDecided), "there is a verdict");
  return node.trial;
}

describe("a change on trial", () => {
  it("is not blamed for workers that die before they are asked for it", () => {
    const node = settled();
    node.consider(fresh, good);
    node.isThere = false;
    node.diesAtStart = true;
    node.pass(60);
    assert.ok(!isDecided(node.trial));
  });

  it("is asked about while the last good one stays in force, then watched, then confirmed", () => {
    const node = settled();
    node.consider(fresh, good);
    assert.equal(at(node), "checking");
    assert.equal(wanted(node.trial), good.desired);
    node.pass(2);
    assert.equal(at(node), "watching");
    assert.ok(node.pass(DEFAULT_TIMES.trialMs / 1000 + 10, isDecided));
    assert.equal(at(node), "confirmed");
    assert.deepEqual(node.applied, [fresh.desired.generation]);
  });

  it("is not watched for longer than its time", () => {
    const node = settled();
    node.consider(fresh, good);
    const began = node.nowMs;
    tryFresh(node);
    assert.ok(node.nowMs - began <= DEFAULT_TIMES.trialMs + 10_000);
  });

  const bad: readonly [string, Partial<Behaviour>, FaultCode][] = [
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
    ["of which nothing leaves detection", { processed: 0 }, "stalled"],
    ["with slow inference", { inferenceMs: 60 }, "latency"],
    ["whose picture does not come", { output: { t: "waiting" } }, "no picture"],
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
      assert.equal(wanted(trial), good.desired);
      node.pass(600);
      assert.equal(at(node), "refused", "it is not tried again");
    });
  }

  it("says how its worker died", () => {
    const trial = tryFresh(settled(whereRuns("fresh", { diesAfterMs: 2000 })));
    const [fault] = trial.t === "refused" ? trial.faults : [];
    const detail = "the worker died 2 times, the last one exited with signal SIGSEGV";
    assert.deepEqual(fault, { code: "worker died", detail });
  });

  it("is found blind only where what is seen counts", () => {
    const blind = whereRuns("fresh", { objectsPerFrame: 0 });
    assert.equal(tryFresh(settled(blind)).t, "confirmed");
    const strict = { ...rules, bounds: { ...DEFAULT_BOUNDS, detections: 0.2 } };
    assert.deepEqual(codes(tryFresh(settled(blind, strict))), ["detections"]);
  });

  it("is forgiven one death of the worker, and its time begins anew", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(30);
    node.killWorker();
    node.pass(40);
    assert.equal(at(node), "watching");
    assert.ok(node.pass(60, isDecided));
    assert.equal(at(node), "confirmed");
  });

  it("may build its engine for many minutes", () => {
    let builds = true;
    const node = settled(({ spec }) => {
      const building = { t: "loading", phase: "engine", progress: undefined } as const;
      const isFresh = spec.model.bundlePath === "/models/fresh";
      return isFresh && builds ? { ...WELL, pipeline: building } : WELL;
    });
    node.consider(fresh, good);
    node.pass(1500);
    assert.equal(at(node), "watching");
    builds = false;
    assert.ok(node.pass(80, isDecided));
    assert.equal(at(node), "confirmed");
  });

  it("waits for a sidecar that is away, and does not answer for it", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(10);
    node.killWorker();
    node.isThere = false;
    node.pass(3600);
    assert.equal(at(node), "watching");
    node.isThere = true;
    assert.ok(node.pass(80, isDecided));
    assert.equal(at(node), "confirmed");
  });

  it("is refused when it fails again after it was remembered as failed", () => {
    const node = settled();
    const at = "2026-01-01T00:00:00.000Z";
    const faults = [{ code: "stalled", detail: "as before" }] as const;
    node.memory = { ...node.memory, refused: [{ subject: "fresh", faults, at }] };
    node.consider(fresh, good);
    assert.deepEqual(codes(node.trial), ["stalled"]);
    node.pass(60);
    assert.deepEqual(node.applied, [], "nothing was disturbed");
  });

  it("goes straight through when only hours or secrets are others", () => {
    const node = settled();
    const night = { ...good, desired: candidate("good", { off: true }).desired };
    node.consider(night, night);
    assert.equal(at(node), "confirmed");
    assert.equal(wanted(node.trial), night.desired);
  });

  it("goes straight through when it makes the specification that is in force", () => {
    const node = settled();
    node.consider({ ...good, subject: "a comment was added" }, good);
    assert.equal(at(node), "confirmed");
    node.pass(60);
    assert.deepEqual(node.applied, []);
  });

  it("gets new hours while it is on trial, and stays there", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(100 - 60);
    const night = { ...fresh, desired: candidate("fresh", { off: true }).desired };
    node.consider(night, good);
    assert.equal(at(node), "watching");
    assert.equal(wanted(node.trial), night.desired);
    assert.ok(node.pass(80, isDecided));
    assert.equal(at(node), "confirmed");
  });

  it("is given up for the next one, which is compared with the last good one", () => {
    const node = settled(whereRuns("fresh", { processed: 0.5 }));
    node.consider(fresh, good);
    node.pass(30);
    node.consider(candidate("third"), good);
    assert.ok(node.pass(100, isDecided));
    assert.equal(at(node), "confirmed");
  });

  it("is given up when the last good one is wanted again", () => {
    const node = settled();
    node.consider(fresh, good);
    node.pass(30);
    node.consider(good, good);
    assert.equal(at(node), "confirmed");
    assert.equal(wanted(node.trial), good.desired);
  });

  it("answers for an agent that ends again and again in the middle of its trial", () => {
    const node = settled();
    for (let start = 0; start < 5; start++) node.memory = tried(node.memory, "fresh");
    node.consider(fresh, good);
    assert.deepEqual(codes(node.trial), ["interrupted"]);
  });

  it("is in force untried where trials are off", () => {
    const node = new SimulatedNode({ ...rules, on: false }, whereRuns("fresh", { processed: 0 }));
    node.consider(fresh, good);
    node.pass(600);
    assert.equal(at(node), "confirmed");
  });
});

describe("cameras during a trial", () => {
  it("do not count when they were down before", () => {
    const node = new SimulatedNode(rules);
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.memory = passed(node.memory, good, undefined, undefined, 0);
    node.consider(good, good);
    node.pass(120);
    assert.equal(tryFresh(node).t, "confirmed");
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
    assert.equal(at(node), "confirmed");
  });

  it("may all be down: then the test picture counts alone", () => {
    const node = settled();
    for (const id of ["front", "back"]) {
      node.cameras.set(`rtsp://${id}/`, { state: LOST, rate: 15 });
    }
    node.consider(fresh, good);
    assert.ok(node.pass(100, ({ t }) => t === "self-testing"));
    assert.ok(node.pass(20, isDecided));
    assert.equal(at(node), "confirmed");
    assert.equal(wanted(node.trial), fresh.desired);
  });

  it("may all be down, and the candidate is found out by the test picture", () => {
    const node = settled(whereRuns("fresh", { processed: 0 }));
    for (const id of ["front", "back"]) {
      node.cameras.set(`rtsp://${id}/`, { state: LOST, rate: 15 });
    }
    const trial = tryFresh(node);
    assert.equal(trial.t, "refused");
    assert.equal(wanted(trial), good.desired);
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

  it("may come back and take their share of a machine that is full", () => {
    let live = 1;
    const node = new SimulatedNode(rules, () => ({ ...WELL, processed: 1 / live }));
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.memory = passed(node.memory, good, undefined, undefined, 0);
    node.consider(good, good);
    node.pass(120);
    node.cameras.delete("rtsp://front/");
    live = 2;
    assert.equal(tryFresh(node).t, "confirmed");
  });

  it("may have come back a moment before, and take their share since", () => {
    let live = 1;
    const node = new SimulatedNode(rules, () => ({ ...WELL, processed: 1 / live }));
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.memory = passed(node.memory, good, undefined, undefined, 0);
    node.consider(good, good);
    node.pass(120);
    node.cameras.delete("rtsp://front/");
    live = 2;
    node.pass(20);
    assert.equal(tryFresh(node).t, "confirmed");
  });

  it("may come back and make inference slower by their share, and no more", () => {
    for (const [inferenceMs, t] of [
      [80, "confirmed"],
      [100, "refused"],
    ] as const) {
      const node = new SimulatedNode(rules, whereRuns("fresh", { inferenceMs }));
      node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
      node.memory = passed(node.memory, good, undefined, undefined, 0);
      node.consider(good, good);
      node.pass(120);
      node.cameras.delete("rtsp://front/");
      assert.equal(tryFresh(node).t, t);
    }
  });

  it("are no excuse when they were there before, and go and come", () => {
    const node = settled(whereRuns("fresh", { processed: 0.5 }));
    node.consider(fresh, good);
    node.pass(10);
    node.cameras.set("rtsp://front/", { state: LOST, rate: 15 });
    node.pass(10);
    node.cameras.delete("rtsp://front/");
    assert.ok(node.pass(60, isDecided));
    assert.deepEqual(codes(node.trial), ["frame rate"]);
  });

  it("may send less when it gets dark, while others do not", () => {
    const node = settled();
    node.cameras.set("rtsp://front/", { state: LIVE, rate: 7 });
    assert.equal(tryFresh(node).t, "confirmed");
  });

  it("are compared only where they are fed as before", () => {
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
    assert.equal(at(node), "confirmed");
  });
});

describe("a first trial", () => {
  it("has nothing to go back to: what fails is kept, and tried again until it passes", () => {
    let broken = true;
    const node = new SimulatedNode(rules, () => (broken ? { ...WELL, processed: 0 } : WELL));
    node.consider(fresh);
    assert.ok(node.pass(100, isDecided));
    assert.deepEqual(codes(node.trial), ["stalled"]);
    assert.equal(wanted(node.trial), fresh.desired);
    broken = false;
    assert.ok(node.pass(200, ({ t }) => t === "confirmed"));
  });
});

describe("a new version of the service", () => {
  it("shows its test picture before the cameras", () => {
    const node = new SimulatedNode(service);
    node.consider(fresh);
    assert.equal(at(node), "self-testing");
    const test = wanted(node.trial)?.spec;
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

  it("passes by its test picture alone where no camera is live", () => {
    const node = new SimulatedNode(service);
    for (const id of ["front", "back"]) {
      node.cameras.set(`rtsp://${id}/`, { state: LOST, rate: 15 });
    }
    node.consider(fresh);
    assert.ok(node.pass(120, isDecided));
    assert.equal(at(node), "confirmed");
  });

  it("fails where there is no sidecar, which is a part of it", () => {
    const node = new SimulatedNode(service);
    node.isThere = false;
    node.consider(fresh);
    assert.ok(node.pass(300, isDecided));
    assert.deepEqual(codes(node.trial), ["no answer"]);
  });

  it("fails within seconds where every worker dies at its start, and says of what", () => {
    const node = new SimulatedNode(service);
    node.isThere = false;
    node.diesAtStart = true;
    node.consider(fresh);
    assert.ok(node.pass(10, isDecided));
    const [fault] = node.trial.t === "refused" ? node.trial.faults : [];
    const detail =
      "self-test: the worker died 4 times before it answered, the last one exited with signal SIGSEGV";
    assert.deepEqual(fault, { code: "worker died", detail });
  });

  it("is forgiven two deaths at the start: the version before may still hold the GPU", () => {
    const node = new SimulatedNode(service);
    node.isThere = false;
    node.diesAtStart = true;
    node.consider(fresh);
    node.pass(4);
    node.isThere = true;
    assert.ok(node.pass(300, isDecided));
    assert.equal(at(node), "confirmed");
  });

  it("fails by its test picture when nothing goes through", () => {
    const node = new SimulatedNode(service, () => ({ ...WELL, output: { t: "waiting" } }));
    node.consider(fresh);
    assert.ok(node.pass(300, isDecided));
    assert.deepEqual(codes(node.trial), ["not ready"]);
    assert.equal(wanted(node.trial), fresh.desired, "the cameras are shown as far as they can be");
  });

  it("does not fail for a port that another program has", () => {
    const output = {
      t: "failed",
      reason: "port in use",
      detail: "",
      nextAttempt: undefined,
    } as const;
    const node = new SimulatedNode(service, () => ({ ...WELL, output }));
    node.consider(fresh);
    assert.ok(node.pass(300, isDecided));
    assert.equal(node.trial.t, "confirmed");
  });

  it("is compared with what the version before did on this node", () => {
    const cameras = { front: figures(15), back: figures(15) };
    const half = () => ({ ...WELL, processed: 0.5 });
    const node = new SimulatedNode(service, half);
    node.memory = passed(node.memory, good, { cameras, inferenceMs: 20 }, "1.0.0", 0);
    node.consider(good, good);
    assert.ok(node.pass(300, isDecided));
    assert.deepEqual(codes(node.trial), ["frame rate", "frame rate"]);
  });

  it("proves itself with what ran before; what is new waits", () => {
    const node = new SimulatedNode(service);
    node.memory = passed(node.memory, good, undefined, "1.0.0", 0);
    node.consider(fresh, good);
    assert.ok(node.pass(300, isDecided));
    assert.equal(node.trial.t === "confirmed" && node.trial.candidate.subject, "good");
    node.memory = passed(node.memory, good, undefined, "2.0.0", 0);
    node.consider(fresh, good);
    assert.equal(at(node), "checking");
  });

  it("that has failed and runs on still takes new settings on trial", () => {
    let broken = true;
    const node = new SimulatedNode(service, () => (broken ? { ...WELL, inferenceMs: 99 } : WELL));
    const cameras = { front: figures(15), back: figures(15) };
    node.memory = passed(node.memory, good, { cameras, inferenceMs: 20 }, "1.0.0", 0);
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
