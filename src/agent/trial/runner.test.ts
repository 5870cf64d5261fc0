import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type Desired, generationOf, type PipelineSpec } from "../../common/settings/spec.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { DEFAULT_TIMING, Reconciler } from "../reconcile/reconciler.js";
import type { CameraStatus, OutputStatus } from "../sidecar/state.js";
import { FakeWorker } from "../testing/fake-sidecar.js";
import type { Candidate } from "./candidate.js";
import { recordPass, type VersionFailure } from "./record.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES } from "./rules.js";
import { type TrialEvent, TrialRunner } from "./runner.js";
import type { Service } from "./service-version.js";
import { TrialStore } from "./store.js";
import type { Trial } from "./trial.js";

/** No service of Horizon's. */
const plain: Service = { version: "2.0.0", on: true, agreementId: undefined };
const inHorizon: Service = { ...plain, agreementId: "a1" };

function candidate(revision: string): Candidate {
  const spec: PipelineSpec = {
    cameras: [
      {
        id: "front",
        name: "",
        uri: "rtsp://front/",
        credentials: undefined,
        transport: "tcp",
        acceptAnyCertificate: false,
        latencyMs: 100,
        frozenAfterMs: 0,
        silentAfterMs: 10_000,
        stillIntervalMs: 0,
        masks: [],
        hiding: undefined,
        off: undefined,
      },
    ],
    models: [
      { bundlePath: `/${revision}`, interval: undefined, threshold: undefined, classes: [] },
    ],
    tracker: undefined,
    overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
    outputs: [],
  };
  return { revision, desired: { generation: generationOf(spec), spec }, content: { revision } };
}

const good = candidate("good");
const fresh = candidate("fresh");

/** The real reconciler between a trial runner and a worker in memory; a fake clock moves them. */
describe("TrialRunner", () => {
  let directory: string;
  let worker: FakeWorker;
  let clock: FakeClock;
  let store: TrialStore;
  let runner: TrialRunner;
  let events: TrialEvent[];
  let applied: Desired[];
  let failures: VersionFailure[];
  let beats: bigint;
  let frames: number;
  let rate: number;
  let wallMs: number;
  let stop: AbortController;
  let running: Promise<unknown>;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipstream-"));
    worker = new FakeWorker();
    clock = new FakeClock();
    events = [];
    applied = [];
    failures = [];
    beats = 0n;
    frames = 0;
    rate = 15;
    wallMs = Date.parse("2026-06-01T12:00:00Z");
    stop = new AbortController();
  });

  afterEach(async () => {
    stop.abort();
    await running;
    rmSync(directory, { recursive: true });
    assert.equal(clock.nextMs, undefined, "no timer is left");
  });

  function start(service: Service): void {
    store = new TrialStore({ directory, onEvent: (event) => events.push(event) });
    const reconciler = new Reconciler({
      open: worker.open,
      previousWorker: async () => undefined,
      clock,
      timing: DEFAULT_TIMING,
      onEvent: (event) => runner.onEvent(event),
    });
    runner = new TrialRunner({
      service,
      bounds: DEFAULT_BOUNDS,
      times: DEFAULT_TIMES,
      store,
      clock,
      wallClock: () => wallMs,
      apply: (desired) => {
        applied.push(desired);
        reconciler.setDesired(desired);
      },
      check: (desired) => reconciler.check(desired),
      failVersion: (failure) => failures.push(failure),
      onEvent: (event) => events.push(event),
    });
    running = Promise.all([reconciler.run(stop.signal), runner.run(stop.signal)]);
  }

  /** Lets time pass in heartbeats, each of which reports that the active generation runs well. */
  async function pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 2) {
      const isSettled = () =>
        runner.trial.t !== "checking" && worker.generation === applied.at(-1)?.generation;
      await eventually(isSettled, "the desired generation is active");
      clock.advance(2000);
      frames += 2 * rate;
      beats++;
      const before = runner.trial.observation;
      worker.beat(beats, { cameras: [camera(frames)], outputs: [output] });
      await eventually(() => runner.trial.observation !== before, "the heartbeat has come");
    }
  }

  function at(): Trial["t"] {
    return runner.trial.t;
  }

  function verdicts(): string[] {
    return events.flatMap((one) => (one.t === "trial" ? [one.trial.t] : [one.t]));
  }

  /** good has passed, in an earlier process, and runs. */
  async function settle(): Promise<void> {
    const earlier = new TrialStore({ directory, onEvent: () => {} });
    earlier.save(recordPass(earlier.record, good, undefined, undefined, wallMs));
    start(plain);
    runner.consider(good, good);
    await pass(60);
    events.splice(0);
    applied.splice(0, applied.length - 1);
    worker.calls.splice(0);
  }

  it("checks first, applies then, and records what has passed", async () => {
    await settle();
    runner.consider(fresh, good);
    await pass(80);
    assert.deepEqual(worker.calls, ["Check", `Apply ${fresh.desired.generation}`]);
    assert.deepEqual(verdicts(), ["checking", "watching", "passed"]);
    const { lastGood } = new TrialStore({ directory, onEvent: () => {} }).record;
    assert.deepEqual(lastGood?.content, { revision: "fresh" });
    assert.equal(Math.round(lastGood?.figures?.cameras["front"]?.framesPerSecond ?? 0), 15);
  });

  it("restores the last good one, records the reason, and does not try again", async () => {
    await settle();
    runner.consider(fresh, good);
    await pass(2);
    rate = 5;
    await pass(70);
    assert.deepEqual(applied, [good.desired, fresh.desired, good.desired]);
    assert.equal(worker.generation, good.desired.generation);
    const { record } = new TrialStore({ directory, onEvent: () => {} });
    assert.equal(record.failedRevisions[0]?.revision, "fresh");
    assert.equal(record.failedRevisions[0]?.faults[0]?.code, "frame rate");
    rate = 15;
    runner.consider(fresh, good);
    runner.consider(candidate("third"), good);
    await pass(70);
    runner.consider(fresh, candidate("third"));
    await pass(70);
    assert.equal(
      applied.filter(({ generation }) => generation === fresh.desired.generation).length,
      1,
    );
  });

  it("changes nothing when Check refuses", async () => {
    await settle();
    const problem = { severity: "error", code: "x", path: "model", message: "bad" } as const;
    worker.problems = [problem];
    runner.consider(fresh, good);
    await pass(10);
    assert.deepEqual(worker.calls, ["Check"]);
    assert.deepEqual(verdicts(), ["checking", "failed"]);
  });

  it("records a trial that is interrupted", async () => {
    await settle();
    runner.consider(fresh, good);
    await pass(4);
    const { record } = new TrialStore({ directory, onEvent: () => {} });
    assert.deepEqual(record.ongoing, { revision: "fresh", starts: 1 });
  });

  it("records the new content of the last good one without another trial", async () => {
    await settle();
    runner.consider({ ...good, content: { revision: "good", hours: "others" } }, good);
    await pass(2);
    assert.deepEqual(verdicts(), []);
    const { lastGood } = new TrialStore({ directory, onEvent: () => {} }).record;
    assert.deepEqual(lastGood?.content, { revision: "good", hours: "others" });
    assert.equal(lastGood?.revision, "good");
  });

  it("records every ten minutes what the last good one does", async () => {
    await settle();
    const recorded = () => store.record.lastGood?.figures?.cameras["front"];
    assert.equal(recorded(), undefined);
    await pass(600);
    assert.equal(Math.round(recorded()?.liveMs ?? 0), 60_000);
  });

  it("measures as before when the system's clock jumps", async () => {
    await settle();
    runner.consider(fresh, good);
    await pass(10);
    wallMs = 0;
    await pass(10);
    wallMs = Date.parse("2099-01-01T00:00:00Z");
    assert.equal(at(), "watching");
    await pass(60);
    assert.equal(at(), "passed");
  });

  it("tries a version of the service before a change that came with it", async () => {
    const earlier = new TrialStore({ directory, onEvent: () => {} });
    earlier.save(recordPass(earlier.record, good, undefined, "1.0.0", wallMs));
    start(inHorizon);
    runner.consider(fresh, good);
    await pass(200);
    assert.deepEqual(verdicts(), [
      "self-testing",
      "watching",
      "passed",
      "checking",
      "watching",
      "passed",
    ]);
    assert.deepEqual(
      applied.map(({ spec }) => [spec.models[0].bundlePath, spec.cameras[0]?.uri.split("?")[0]]),
      [
        ["/good", "test://ball"],
        ["/good", "rtsp://front/"],
        ["/fresh", "rtsp://front/"],
      ],
    );
    assert.deepEqual(store.record.passedVersions, ["1.0.0", "2.0.0"]);
    assert.deepEqual(failures, []);
  });

  it("fails a version once the record says so", async () => {
    start(inHorizon);
    runner.consider(fresh, undefined);
    rate = 0;
    await pass(130);
    assert.deepEqual(verdicts(), ["self-testing", "failed", "version failed"]);
    assert.deepEqual(
      failures.map(({ version, agreements }) => [version, agreements]),
      [["2.0.0", ["a1"]]],
    );
    assert.deepEqual(
      new TrialStore({ directory, onEvent: () => {} }).record.versionFailures,
      failures,
    );
  });

  it("says that a decision counts only if it ends the trial", async () => {
    start(plain);
    runner.consider(fresh, undefined);
    await pass(2);
    assert.ok(runner.decide("taken back"));
    assert.equal(at(), "failed");
    assert.ok(!runner.decide("taken back"));
    // The next attempt begins with whatever comes first.
    clock.advance(DEFAULT_TIMES.retryMs);
    assert.ok(!runner.decide("confirmed"));
    assert.equal(at(), "watching");
  });

  it("fails no version outside of Horizon", async () => {
    start(plain);
    runner.consider(fresh, undefined);
    rate = 0;
    await pass(200);
    assert.deepEqual(failures, []);
    assert.equal(applied.at(-1), fresh.desired);
  });
});

function camera(received: number): CameraStatus {
  const state = { t: "live", encoding: "H264", width: 640, height: 360 } as const;
  const counters = {
    framesReceived: received,
    framesDropped: 0,
    framesInferred: received,
    frameRate: 0,
    lastFrame: undefined,
    inferenceSeconds: 0,
    inferenceCpuSeconds: 0,
    detectionLatency: undefined,
  };
  return { id: "front", since: new Date(0), state, counters };
}

const output: OutputStatus = {
  id: "rtsp",
  cameraId: "",
  port: 8554,
  path: "/ds",
  state: { t: "serving" },
  viewers: 0,
  frames: 0,
  framesDropped: 0,
  encodingLatency: undefined,
};
