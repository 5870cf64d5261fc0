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
import type { TrialEvent } from "./events.js";
import { Guard } from "./guard.js";
import { type Failure, passed } from "./memory.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES } from "./rules.js";
import type { Service } from "./service-version.js";
import { TrialStore } from "./store.js";
import type { Trial } from "./trial.js";

/** No service of Horizon's. */
const plain: Service = { version: "2.0.0", on: true, agreementId: undefined };
const inHorizon: Service = { ...plain, agreementId: "a1" };

function candidate(subject: string): Candidate {
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
        masks: [],
        off: undefined,
      },
    ],
    model: { bundlePath: `/${subject}`, interval: undefined, threshold: undefined, classes: [] },
    tracker: undefined,
    overlay: { boxes: true, labels: true, counts: true, names: true },
    outputs: [],
  };
  return { subject, desired: { generation: generationOf(spec), spec }, content: { subject } };
}

const good = candidate("good");
const fresh = candidate("fresh");

/** The real reconciler between a guard and a worker in memory; a fake clock moves them. */
describe("Guard", () => {
  let directory: string;
  let worker: FakeWorker;
  let clock: FakeClock;
  let store: TrialStore;
  let guard: Guard;
  let told: TrialEvent[];
  let wants: Desired[];
  let failures: Failure[];
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
    told = [];
    wants = [];
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
    store = new TrialStore({ directory, trace: (event) => told.push(event) });
    const reconciler = new Reconciler({
      desired: undefined,
      open: worker.open,
      ended: async () => undefined,
      clock,
      timing: DEFAULT_TIMING,
      detections: false,
      trace: (event) => guard.heard(event),
    });
    guard = new Guard({
      service,
      bounds: DEFAULT_BOUNDS,
      times: DEFAULT_TIMES,
      store,
      clock,
      wallClock: () => wallMs,
      want: (desired) => {
        wants.push(desired);
        reconciler.want(desired);
      },
      check: (desired) => reconciler.check(desired),
      fail: (failure) => failures.push(failure),
      trace: (event) => told.push(event),
    });
    running = Promise.all([reconciler.run(stop.signal), guard.run(stop.signal)]);
  }

  /** Lets time pass in heartbeats, each of which says that all is well with what is in force. */
  async function pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 2) {
      const isSettled = () =>
        guard.trial.t !== "checking" && worker.generation === wants.at(-1)?.generation;
      await eventually(isSettled, "what is wanted is in force");
      clock.advance(2000);
      frames += 2 * rate;
      beats++;
      const before = guard.trial.seen;
      worker.beat(beats, { cameras: [camera(frames)], outputs: [output] });
      await eventually(() => guard.trial.seen !== before, "the heartbeat is heard");
    }
  }

  function at(): Trial["t"] {
    return guard.trial.t;
  }

  function verdicts(): string[] {
    return told.flatMap((one) => (one.t === "trial" ? [one.trial.t] : [one.t]));
  }

  /** good has passed, in an earlier process, and runs. */
  async function settle(): Promise<void> {
    const earlier = new TrialStore({ directory, trace: () => {} });
    earlier.keep(passed(earlier.memory, good, undefined, undefined, wallMs));
    start(plain);
    guard.consider(good, good);
    await pass(60);
    told.splice(0);
    wants.splice(0, wants.length - 1);
    worker.calls.splice(0);
  }

  it("asks first, applies then, and remembers what has passed", async () => {
    await settle();
    guard.consider(fresh, good);
    await pass(80);
    assert.deepEqual(worker.calls, ["Check", `Apply ${fresh.desired.generation}`]);
    assert.deepEqual(verdicts(), ["checking", "watching", "confirmed"]);
    const { lastGood } = new TrialStore({ directory, trace: () => {} }).memory;
    assert.deepEqual(lastGood?.content, { subject: "fresh" });
    assert.equal(Math.round(lastGood?.figures?.cameras["front"]?.framesPerSecond ?? 0), 15);
  });

  it("puts the last good one back, remembers the reason, and does not try again", async () => {
    await settle();
    guard.consider(fresh, good);
    await pass(2);
    rate = 5;
    await pass(70);
    assert.deepEqual(wants, [good.desired, fresh.desired, good.desired]);
    assert.equal(worker.generation, good.desired.generation);
    const { memory } = new TrialStore({ directory, trace: () => {} });
    assert.equal(memory.refused[0]?.subject, "fresh");
    assert.equal(memory.refused[0]?.faults[0]?.code, "frame rate");
    rate = 15;
    guard.consider(fresh, good);
    guard.consider(candidate("third"), good);
    await pass(70);
    guard.consider(fresh, candidate("third"));
    await pass(70);
    assert.equal(
      wants.filter(({ generation }) => generation === fresh.desired.generation).length,
      1,
    );
  });

  it("leaves the picture as it is when Check says no", async () => {
    await settle();
    const problem = { severity: "error", code: "x", path: "model", message: "bad" } as const;
    worker.problems = [problem];
    guard.consider(fresh, good);
    await pass(10);
    assert.deepEqual(worker.calls, ["Check"]);
    assert.deepEqual(verdicts(), ["checking", "refused"]);
  });

  it("remembers that a trial was interrupted", async () => {
    await settle();
    guard.consider(fresh, good);
    await pass(4);
    const { memory } = new TrialStore({ directory, trace: () => {} });
    assert.deepEqual(memory.trying, { subject: "fresh", starts: 1 });
  });

  it("remembers the last good one in the words of now, without another trial", async () => {
    await settle();
    guard.consider({ ...good, content: { subject: "good", hours: "others" } }, good);
    await pass(2);
    assert.deepEqual(verdicts(), []);
    const { lastGood } = new TrialStore({ directory, trace: () => {} }).memory;
    assert.deepEqual(lastGood?.content, { subject: "good", hours: "others" });
    assert.equal(lastGood?.subject, "good");
  });

  it("notes every ten minutes what the last good one does", async () => {
    await settle();
    const noted = () => store.memory.lastGood?.figures?.cameras["front"];
    assert.equal(noted(), undefined);
    await pass(600);
    assert.equal(Math.round(noted()?.liveMs ?? 0), 60_000);
  });

  it("measures as before when the system's clock jumps", async () => {
    await settle();
    guard.consider(fresh, good);
    await pass(10);
    wallMs = 0;
    await pass(10);
    wallMs = Date.parse("2099-01-01T00:00:00Z");
    assert.equal(at(), "watching");
    await pass(60);
    assert.equal(at(), "confirmed");
  });

  it("proves a version of the service before what is new beside it", async () => {
    const earlier = new TrialStore({ directory, trace: () => {} });
    earlier.keep(passed(earlier.memory, good, undefined, "1.0.0", wallMs));
    start(inHorizon);
    guard.consider(fresh, good);
    await pass(200);
    assert.deepEqual(verdicts(), [
      "self-testing",
      "watching",
      "confirmed",
      "checking",
      "watching",
      "confirmed",
    ]);
    assert.deepEqual(
      wants.map(({ spec }) => [spec.model.bundlePath, spec.cameras[0]?.uri.split("?")[0]]),
      [
        ["/good", "test://ball"],
        ["/good", "rtsp://front/"],
        ["/fresh", "rtsp://front/"],
      ],
    );
    assert.deepEqual(store.memory.confirmed, ["1.0.0", "2.0.0"]);
    assert.deepEqual(failures, []);
  });

  it("fails a version on purpose, once it is remembered that it does", async () => {
    start(inHorizon);
    guard.consider(fresh, undefined);
    rate = 0;
    await pass(130);
    assert.deepEqual(verdicts(), ["self-testing", "refused", "version fails"]);
    assert.deepEqual(
      failures.map(({ version, agreements }) => [version, agreements]),
      [["2.0.0", ["a1"]]],
    );
    assert.deepEqual(new TrialStore({ directory, trace: () => {} }).memory.failures, failures);
  });

  it("fails no version outside of Horizon", async () => {
    start(plain);
    guard.consider(fresh, undefined);
    rate = 0;
    await pass(200);
    assert.deepEqual(failures, []);
    assert.equal(wants.at(-1), fresh.desired);
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
};
