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
import { Guard } from "./guard.js";
import { passed } from "./memory.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES } from "./rules.js";
import { TrialStore } from "./store.js";

function candidate(subject: string): Candidate {
  const desired = desiredFrom(loadConfig({ RTSPINPUT: "rtsp://cam/1", MODEL: subject }, "/"));
  return { subject, desired, content: subject };
}

/** As the contract numbers it. */
const FAILURE_REASON_GPU = 3;

const good = candidate("good");
const fresh = candidate("fresh");

describe("Guard over a real socket", () => {
  let sockets: Awaited<ReturnType<typeof socketDirectory>>;
  let directory: string;
  let server: ServerDouble;
  let applied: string[];
  let failsWith: string | undefined;
  let guard: Guard;
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
    const store = new TrialStore({ directory, trace: () => {} });
    store.keep(passed(store.memory, good, undefined, undefined, 0));
    const reconciler = new Reconciler({
      desired: undefined,
      open: () => new SidecarClient({ socketPath, agentVersion: "0" }),
      ended: async () => undefined,
      clock: systemClock,
      timing: { ...DEFAULT_TIMING, heartbeatMs: 100 },
      detections: false,
      trace: (event) => guard.heard(event),
    });
    guard = new Guard({
      service: { version: "1.0.0", on: true, agreementId: undefined },
      // On a busy machine heartbeats come late.
      bounds: { ...DEFAULT_BOUNDS, stumbles: 1000 },
      times: { ...DEFAULT_TIMES, trialMs: 500 },
      store,
      clock: systemClock,
      wallClock: Date.now,
      want: (desired) => reconciler.want(desired),
      check: (desired) => reconciler.check(desired),
      fail: () => assert.fail("this is no service"),
      trace: () => {},
    });
    stop = new AbortController();
    running = Promise.all([reconciler.run(stop.signal), guard.run(stop.signal)]);
    guard.consider(good, good);
    await eventually(() => guard.trial.seen.up, "the last good one is in force");
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

  it("asks, applies, watches and confirms", async () => {
    guard.consider(fresh, good);
    await eventually(() => guard.trial.t === "confirmed", "it is confirmed");
    const calls = server.calls.filter((call) => call !== "Connect" && call !== "Watch");
    assert.deepEqual(calls, ["Apply", "Apply"]);
    assert.deepEqual(applied, [good.desired.generation, fresh.desired.generation]);
  });

  it("puts the last good one back at the first word that the candidate fails", async () => {
    failsWith = fresh.desired.generation;
    guard.consider(fresh, good);
    await eventually(() => guard.trial.t === "refused", "it is refused");
    await eventually(() => guard.trial.seen.up, "the last good one is in force");
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
    },
  };
}
