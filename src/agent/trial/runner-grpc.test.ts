import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { loadConfig } from "../../common/settings/config.js";
import { desiredFrom } from "../../common/settings/testing/desired-from.js";
import { eventually } from "../../common/testing/eventually.js";
import { systemClock } from "../../common/time/clock.js";
import { DEFAULT_TIMING, Reconciler } from "../reconcile/reconciler.js";
import { SidecarClient } from "../sidecar/client.js";
import { beat, ServerDouble, socketDirectory } from "../sidecar/testing/server-double.js";
import type { Candidate } from "./candidate.js";
import { recordPass } from "./record.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES } from "./rules.js";
import { TrialRunner } from "./runner.js";
import { TrialStore } from "./store.js";

function candidate(revision: string): Candidate {
  const desired = desiredFrom(loadConfig({ RTSPINPUT: "rtsp://cam/1", MODEL: revision }, "/"));
  return { revision, desired, content: revision };
}

/** As the contract numbers it. */
const FAILURE_REASON_GPU = 3;

const good = candidate("good");
const fresh = candidate("fresh");

describe("TrialRunner over a real socket", () => {
  let sockets: Awaited<ReturnType<typeof socketDirectory>>;
  let directory: string;
  let server: ServerDouble;
  let applied: string[];
  let failsWith: string | undefined;
  let runner: TrialRunner;
  let stop: AbortController;
  let running: Promise<unknown>;

  beforeEach(async () => {
    sockets = await socketDirectory();
    directory = mkdtempSync(join(tmpdir(), "slipstream-"));
    applied = [];
    failsWith = undefined;
    let frames = 0n;
    server = new ServerDouble({
      check: (_, done) => done(null, { problems: [] }),
      apply: ({ request: { generation } }, done) => {
        applied.push(generation);
        done(null, { generation, accepted: true, problems: [], changes: [] });
      },
      watch: (call) =>
        beat(call, () => {
          const generation = applied.at(-1) ?? "";
          frames += 10n;
          return { generation, pipeline: pipeline(generation), cameras: [camera(frames)] };
        }),
    });
    const socketPath = join(sockets.path, "worker.sock");
    await server.listen(socketPath);
    const store = new TrialStore({ directory, onEvent: () => {} });
    store.save(recordPass(store.record, good, undefined, undefined, 0));
    const reconciler = new Reconciler({
      open: () => new SidecarClient({ socketPath, agentVersion: "0" }),
      previousWorker: async () => undefined,
      clock: systemClock,
      timing: { ...DEFAULT_TIMING, heartbeatMs: 100 },
      onEvent: (event) => runner.onEvent(event),
    });
    runner = new TrialRunner({
      service: { version: "1.0.0", on: true, agreementId: undefined },
      // On a busy machine heartbeats come late.
      bounds: { ...DEFAULT_BOUNDS, connectionFailures: 1000 },
      times: { ...DEFAULT_TIMES, trialMs: 500 },
      store,
      clock: systemClock,
      wallClock: Date.now,
      apply: (desired) => reconciler.setDesired(desired),
      check: (desired) => reconciler.check(desired),
      failVersion: () => assert.fail("this is no service"),
      onEvent: () => {},
    });
    stop = new AbortController();
    running = Promise.all([reconciler.run(stop.signal), runner.run(stop.signal)]);
    runner.consider(good, good);
    await eventually(() => runner.trial.observation.running, "the last good one runs");
  });

  afterEach(async () => {
    stop.abort();
    await running;
    server.stop();
    await sockets.remove();
    rmSync(directory, { recursive: true });
  });

  function pipeline(generation: string) {
    const failed = { reason: FAILURE_REASON_GPU, detail: "no memory" } as const;
    const state =
      generation === failsWith
        ? ({ $case: "failed", value: { ...failed, nextAttempt: undefined } } as const)
        : ({ $case: "running", value: {} } as const);
    return { since: undefined, state };
  }

  it("checks, applies, watches and passes", async () => {
    runner.consider(fresh, good);
    await eventually(() => runner.trial.t === "passed", "it has passed");
    const calls = server.calls.filter((call) => call !== "Connect" && call !== "Watch");
    assert.deepEqual(calls, ["Apply", "Apply"]);
    assert.deepEqual(applied, [good.desired.generation, fresh.desired.generation]);
  });

  it("restores the last good one as soon as the candidate fails", async () => {
    failsWith = fresh.desired.generation;
    runner.consider(fresh, good);
    await eventually(() => runner.trial.t === "failed", "it has failed");
    await eventually(() => runner.trial.observation.running, "the last good one runs");
    assert.deepEqual(applied, [
      good.desired.generation,
      fresh.desired.generation,
      good.desired.generation,
    ]);
  });
});

function camera(frames: bigint) {
  return {
    id: "cam1",
    since: undefined,
    state: { $case: "live", value: { encoding: "H264", width: 640, height: 360 } } as const,
    counters: {
      framesReceived: frames,
      framesDropped: 0n,
      framesInferred: frames,
      frameRate: 10,
      lastFrameTime: undefined,
      inferenceCpuSeconds: 0,
      inferenceSeconds: 0,
      detectionLatency: undefined,
    },
  };
}
