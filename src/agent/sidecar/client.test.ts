import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { status } from "@grpc/grpc-js";
import type { Desired } from "../../common/settings/spec.js";
import { defer } from "../../common/testing/deferred.js";
import { SidecarError } from "./calls.js";
import { SidecarClient } from "./client.js";
import { type ApplyRequest, ApplyResponse, WatchResponse } from "./gen/slipstream/v1/pipeline.js";
import type { Update } from "./state.js";
import { beat, ServerDouble, socketDirectory, type WatchCall } from "./testing/server-double.js";
import { ServerProcess } from "./testing/server-process.js";

const desired: Desired = {
  generation: "g1",
  spec: {
    cameras: [
      {
        id: "front",
        name: "Front",
        uri: "rtsp://10.0.0.9/live",
        credentials: { username: "u", password: "p" },
        transport: "udp",
        acceptAnyCertificate: true,
        frozenAfterMs: 30_000,
        silentAfterMs: 10_000,
        stillIntervalMs: 2500,
        latencyMs: 1250,
        masks: [
          [
            [0, 0],
            [0.5, 0],
            [0, 1],
          ],
        ],
        hiding: { classes: ["person"], method: "blur" },
        off: { untilMs: 90_000 },
      },
    ],
    models: [{ bundlePath: "/models/x", interval: 0, threshold: undefined, classes: ["person"] }],
    tracker: "iou",
    overlay: { boxes: true, labels: false, counts: true, names: false, zones: false },
    outputs: [
      {
        id: "rtsp",
        layout: "per-camera",
        encoding: { codec: "H265", width: 640, height: 360, bitrate: 1_000_000, frameRate: 25 },
        target: {
          t: "rtsp",
          port: 8554,
          path: "/ds",
          users: [{ username: "v", password: "w" }],
        },
      },
    ],
  },
};

const watching = { resume: undefined, heartbeatMs: 20, detections: false };

describe("SidecarClient", () => {
  let directory: Awaited<ReturnType<typeof socketDirectory>>;
  let socketPath: string;
  const cleanups: (() => void)[] = [];
  const never = new AbortController().signal;
  const soon = { timeoutMs: 2000, signal: never };

  beforeEach(async () => {
    directory = await socketDirectory();
    socketPath = join(directory.path, "worker.sock");
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) cleanup();
    await directory.remove();
  });

  async function serve(...args: ConstructorParameters<typeof ServerDouble>): Promise<ServerDouble> {
    const server = new ServerDouble(...args);
    await server.listen(socketPath);
    cleanups.push(() => server.stop());
    return server;
  }

  function open(): SidecarClient {
    const client = new SidecarClient({ socketPath, agentVersion: "1.2.3" });
    cleanups.push(() => client.close());
    return client;
  }

  it("sends its version and learns who answers", async () => {
    let version = "";
    await serve({
      connect: ({ request }, done) => {
        version = request.agentVersion;
        done(null, {
          instanceId: "one",
          sidecarVersion: "0.1.0",
          engine: "deepstream",
          board: "t4",
          deepstreamRelease: "7.1",
          gpu: "Tesla T4",
          gstreamerVersion: "1.20.3",
          capabilities: undefined,
          previous: { ended: new Date(0), how: "signal SIGSEGV", lastLines: ["oh"], failures: 2 },
        });
      },
    });
    assert.deepEqual(await open().connect(soon), {
      instanceId: "one",
      version: "0.1.0",
      engine: "deepstream",
      board: "t4",
      deepstream: "7.1",
      gpu: "Tesla T4",
      gstreamer: "1.20.3",
      previous: { ended: new Date(0), how: "signal SIGSEGV", lastLines: ["oh"], failures: 2 },
    });
    assert.equal(version, "1.2.3");
  });

  it("sends a complete specification, with credentials besides the address", async () => {
    let received: ApplyRequest | undefined;
    await serve({
      apply: ({ request }, done) => {
        received = request;
        done(null, ApplyResponse.fromPartial({ generation: request.generation, accepted: true }));
      },
    });
    const result = await open().apply(desired, soon);
    assert.deepEqual(result, { accepted: true, generation: "g1", problems: [], changes: [] });
    assert.deepEqual(received, {
      generation: "g1",
      spec: {
        cameras: [
          {
            id: "front",
            name: "Front",
            uri: "rtsp://10.0.0.9/live",
            credentials: { username: "u", password: "p" },
            transport: 2,
            acceptAnyCertificate: true,
            frozenAfter: { seconds: 30n, nanos: 0 },
            silentAfter: { seconds: 10n, nanos: 0 },
            stillInterval: { seconds: 2n, nanos: 500_000_000 },
            latency: { seconds: 1n, nanos: 250_000_000 },
            masks: [
              {
                points: [
                  { x: 0, y: 0 },
                  { x: 0.5, y: 0 },
                  { x: 0, y: 1 },
                ],
              },
            ],
            hiding: { classes: ["person"], method: 2 },
            off: { until: new Date(90_000) },
          },
        ],
        models: [
          { bundlePath: "/models/x", interval: 0, threshold: undefined, classes: ["person"] },
        ],
        tracker: { algorithm: 1 },
        overlay: { boxes: true, labels: false, counts: true, names: false, zones: false },
        outputs: [
          {
            id: "rtsp",
            layout: 2,
            encoding: { codec: 2, width: 640, height: 360, bitrate: 1_000_000, frameRate: 25 },
            target: {
              $case: "rtsp",
              value: {
                port: 8554,
                path: "/ds",
                users: [{ username: "v", password: "w" }],
              },
            },
          },
        ],
      },
    });
  });

  it("returns a refusal as an answer, with its problems and changes in the agent's terms", async () => {
    await serve({
      apply: (_, done) =>
        done(null, {
          generation: "g0",
          accepted: false,
          problems: [
            { severity: 1, code: "no-such-label", path: "model.classes[0]", message: "no zebra" },
            { severity: 2, code: "unused-key", path: "config_infer.txt:7", message: "unused" },
          ],
          changes: [{ path: "cameras[front]", effect: 2 }],
        }),
    });
    assert.deepEqual(await open().apply(desired, soon), {
      accepted: false,
      generation: "g0",
      problems: [
        { severity: "error", code: "no-such-label", path: "model.classes[0]", message: "no zebra" },
        { severity: "warning", code: "unused-key", path: "config_infer.txt:7", message: "unused" },
      ],
      changes: [{ path: "cameras[front]", effect: "rebuild" }],
    });
  });

  it("fails at once if nobody listens, and names the socket", async () => {
    await assert.rejects(open().connect(soon), (err) => {
      assert.ok(err instanceof SidecarError);
      assert.equal(err.code, "UNAVAILABLE");
      assert.equal(err.message, `Connect: UNAVAILABLE: connect ENOENT ${socketPath}`);
      return true;
    });
  });

  it("waits no longer than the deadline for a peer that accepts and never answers", async () => {
    const silent = createServer();
    silent.listen(socketPath);
    await once(silent, "listening");
    cleanups.push(() => silent.close());
    silent.on("connection", (socket) => cleanups.push(() => socket.destroy()));
    const client = open();
    const failure = client.connect({ timeoutMs: 60, signal: never });
    await assert.rejects(failure, { name: "SidecarError", code: "DEADLINE_EXCEEDED" });
  });

  it("ends a unary call when the signal is aborted, and throws its reason", async () => {
    const arrived = defer();
    await serve({ connect: () => arrived.resolve() });
    const stop = new AbortController();
    const call = open().connect({ timeoutMs: 2000, signal: stop.signal });
    await arrived.promise;
    stop.abort(new Error("stopping"));
    await assert.rejects(call, { message: "stopping" });
  });

  it("starts no call once the signal is aborted", async () => {
    const server = await serve();
    const client = open();
    await assert.rejects(client.connect({ timeoutMs: 1000, signal: AbortSignal.abort() }), {
      name: "AbortError",
    });
    assert.deepEqual(server.calls, []);
  });

  describe("watch", () => {
    it("starts at the resume point, and yields every kind of event in the agent's terms", async () => {
      const since = new Date(1_600_000_000_000);
      const nextAttempt = new Date(1_700_000_000_000);
      const counters = {
        framesReceived: 9n,
        framesDropped: 2n,
        framesInferred: 7n,
        frameRate: 12.5,
        lastFrameTime: since,
        inferenceCpuSeconds: 1,
        inferenceSeconds: 1,
        detectionLatency: { bounds: [0.5], counts: [6n, 1n], sumSeconds: 2 },
      };
      const counted = {
        framesReceived: 9,
        framesDropped: 2,
        framesInferred: 7,
        frameRate: 12.5,
        lastFrame: since,
        inferenceCpuSeconds: 1,
        inferenceSeconds: 1,
        detectionLatency: { bounds: [0.5], counts: [6, 1], sumSeconds: 2 },
      };
      // One count too few: no histogram.
      const encodingLatency = { bounds: [0.5], counts: [6n], sumSeconds: 2 };
      const output = { viewers: 3, frames: 5n, framesDropped: 1n, since, encodingLatency };
      const sent: WatchResponse["event"][] = [
        {
          $case: "state",
          value: {
            generation: "g1",
            pipeline: { since, state: { $case: "running", value: {} } },
            cameras: [
              {
                id: "a",
                since,
                counters,
                state: { $case: "connecting", value: { attempt: 2, receiving: false } },
              },
            ],
            outputs: [
              {
                ...output,
                id: "rtsp",
                cameraId: "",
                port: 8554,
                path: "/ds",
                state: { $case: "serving", value: {} },
              },
            ],
            processes: [{ name: "outlet", memoryBytes: 7n, cpuSeconds: 1.5 }],
          },
        },
        {
          $case: "pipeline",
          value: { since, state: { $case: "loading", value: { phase: 2, progress: 0.5 } } },
        },
        {
          $case: "camera",
          value: {
            id: "a",
            since,
            counters,
            state: { $case: "lost", value: { reason: 1, detail: "401", attempts: 3, nextAttempt } },
          },
        },
        {
          $case: "detections",
          value: {
            cameraId: "a",
            frameWidth: 640,
            frameHeight: 360,
            captureTime: nextAttempt,
            pts: 2n ** 63n,
            inferred: true,
            detections: [
              {
                classId: 1,
                label: "person",
                confidence: 0.5,
                trackId: 2n ** 63n + 1n,
                box: { left: 1, top: 2, width: 3, height: 4 },
                attributes: [{ name: "colour", value: "red", confidence: 1 }],
                model: 0,
              },
            ],
          },
        },
      ];
      let request: WatchCall["request"] | undefined;
      await serve({
        watch: (call) => {
          request = call.request;
          for (const event of sent) call.write({ sequence: 9n, time: undefined, event });
          call.end();
        },
      });
      const resume = { instanceId: "one", sequence: 7n };
      const updates: Update[] = [];
      for await (const update of open().watch(
        { resume, heartbeatMs: 500, detections: true },
        never,
      )) {
        updates.push(update);
      }
      assert.deepEqual(request, {
        afterSequence: 7n,
        instanceId: "one",
        heartbeatInterval: { seconds: 0n, nanos: 500_000_000 },
        detections: true,
      });
      assert.deepEqual(updates, [
        {
          sequence: 9n,
          event: {
            t: "state",
            state: {
              generation: "g1",
              pipeline: { t: "running" },
              cameras: [
                { id: "a", since, state: { t: "connecting", attempt: 2 }, counters: counted },
              ],
              outputs: [
                {
                  id: "rtsp",
                  cameraId: "",
                  port: 8554,
                  path: "/ds",
                  viewers: 3,
                  frames: 5,
                  framesDropped: 1,
                  encodingLatency: undefined,
                  state: { t: "serving" },
                },
              ],
              processes: [{ name: "outlet", memoryBytes: 7, cpuSeconds: 1.5 }],
            },
          },
        },
        {
          sequence: 9n,
          event: { t: "pipeline", pipeline: { t: "loading", phase: "engine", progress: 0.5 } },
        },
        {
          sequence: 9n,
          event: {
            t: "camera",
            camera: {
              id: "a",
              since,
              counters: counted,
              state: { t: "lost", reason: "login refused", detail: "401", nextAttempt },
            },
          },
        },
        {
          sequence: 9n,
          event: {
            t: "detections",
            detections: {
              cameraId: "a",
              width: 640,
              height: 360,
              captured: nextAttempt,
              pts: 2n ** 63n,
              inferred: true,
              detections: [
                {
                  classId: 1,
                  label: "person",
                  confidence: 0.5,
                  trackId: 2n ** 63n + 1n,
                  box: { left: 1, top: 2, width: 3, height: 4 },
                  attributes: [{ name: "colour", value: "red", confidence: 1 }],
                },
              ],
            },
          },
        },
      ]);
    });

    it("yields unknown for what only a newer sidecar knows", async () => {
      await serve({
        watch: (call) => {
          call.write(WatchResponse.fromPartial({ sequence: 1n }));
          call.write(
            WatchResponse.fromPartial({
              event: {
                $case: "camera",
                // A reason of a later version of the contract.
                value: { id: "a", state: { $case: "lost", value: { reason: 77 as 1 } } },
              },
            }),
          );
          call.end();
        },
      });
      const events: unknown[] = [];
      for await (const { event } of open().watch(watching, never)) events.push(event);
      assert.deepEqual(events, [
        { t: "unknown" },
        {
          t: "camera",
          camera: {
            id: "a",
            since: undefined,
            counters: {
              framesReceived: 0,
              framesDropped: 0,
              framesInferred: 0,
              frameRate: 0,
              lastFrame: undefined,
              inferenceSeconds: 0,
              inferenceCpuSeconds: 0,
              detectionLatency: undefined,
            },
            state: { t: "lost", reason: "unknown", detail: "", nextAttempt: undefined },
          },
        },
      ]);
    });

    it("ends the call at the sidecar when the loop is left", async () => {
      const cancelled = defer();
      await serve({
        watch: (call) => {
          call.on("cancelled", cancelled.resolve);
          beat(call, () => ({}));
        },
      });
      for await (const _ of open().watch(watching, never)) break;
      await cancelled.promise;
    });

    it("throws the signal's reason when it is aborted while nothing arrives", async () => {
      const watched = defer();
      await serve({ watch: () => watched.resolve() });
      const stop = new AbortController();
      const next = open().watch(watching, stop.signal).next();
      await watched.promise;
      stop.abort(new Error("stopping"));
      await assert.rejects(next, { message: "stopping" });
    });

    it("throws UNAVAILABLE when the sidecar is killed during a watch", async () => {
      const sidecar = await ServerProcess.start(socketPath);
      cleanups.push(() => sidecar.kill());
      const updates = open().watch(watching, never);
      await updates.next();
      sidecar.kill();
      await assert.rejects(
        async () => {
          for await (const _ of updates);
        },
        { name: "SidecarError", method: "Watch", code: "UNAVAILABLE" },
      );
    });

    it("throws OUT_OF_RANGE when the resume point is too old", async () => {
      await serve({
        watch: (call) => call.emit("error", { code: status.OUT_OF_RANGE, details: "too old" }),
      });
      await assert.rejects(open().watch(watching, never).next(), { code: "OUT_OF_RANGE" });
    });
  });
});
