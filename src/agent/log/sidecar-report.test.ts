import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import { SidecarError } from "../sidecar/calls.js";
import type { ApplyResult, Peer, Problem } from "../sidecar/sidecar.js";
import type { CameraState, OutputState, PipelineStatus, SidecarEvent } from "../sidecar/state.js";
import { frameOf } from "../testing/detections.js";
import { SidecarReport } from "./sidecar-report.js";

type Logged = [level: string, message: string, fields?: unknown];

describe("SidecarReport", () => {
  let logged: Logged[];
  let report: SidecarReport;

  beforeEach(() => {
    logged = [];
    const at = (level: string) => (message: string, fields?: unknown) => {
      logged.push(fields === undefined ? [level, message] : [level, message, fields]);
    };
    const debug = () => {};
    report = new SidecarReport(
      { error: at("error"), warn: at("warn"), info: at("info"), debug },
      "0.1.0",
    );
  });

  /** What is logged because of these events. */
  function lines(...events: ReconcilerEvent[]): Logged[] {
    for (const event of events) report.onEvent(event);
    return logged.splice(0);
  }

  /** The same, levels and messages alone. */
  function messages(...events: ReconcilerEvent[]): string[] {
    return lines(...events).map(([level, message]) => `${level} ${message}`);
  }

  const details = { detail: "what to do", nextAttempt: new Date(5000) };
  const live: CameraState = { t: "live", encoding: "H264", width: 640, height: 360 };
  const lost: CameraState = { t: "lost", reason: "timeout", ...details };
  const connecting: CameraState = { t: "connecting", attempt: 2 };
  const waiting: OutputState = { t: "waiting" };
  const serving: OutputState = { t: "serving" };

  const counters = {
    framesReceived: 0,
    framesDropped: 0,
    framesInferred: 0,
    frameRate: 0,
    lastFrame: undefined,
    inferenceSeconds: 0,
    inferenceCpuSeconds: 0,
    detectionLatency: undefined,
  };
  const sent = { viewers: 0, frames: 0, framesDropped: 0, encodingLatency: undefined };
  const since = new Date(0);

  function event(event: SidecarEvent): ReconcilerEvent {
    return { t: "update", event };
  }

  function camera(state: CameraState, id = "front"): ReconcilerEvent {
    return event({ t: "camera", camera: { id, since, state, counters } });
  }

  function output(state: OutputState, cameraId = "", path = "/ds"): ReconcilerEvent {
    return event({
      t: "output",
      output: { id: "rtsp", cameraId, port: 8554, path, state, ...sent },
    });
  }

  function pipeline(status: PipelineStatus): ReconcilerEvent {
    return event({ t: "pipeline", pipeline: status });
  }

  function connected(
    instanceId = "one",
    previous?: Peer["previous"],
    version = "0.1.0",
  ): ReconcilerEvent {
    const facts = { version, engine: "cpu", board: "", deepstream: "", gpu: "" };
    const peer: Peer = { instanceId, gstreamer: "1.22.0", previous, ...facts };
    return { t: "connected", peer };
  }

  it("logs once how the previous worker died", () => {
    const previous = { ended: since, how: "signal SIGSEGV", lastLines: ["oh no"], failures: 2 };
    const event = connected("two", previous);
    assert.deepEqual(lines(event, event).slice(1), [["warn", "previous worker died", previous]]);
  });

  it("warns that the sidecar's version differs from the agent's", () => {
    const other = connected("two", undefined, "0.2.0");
    assert.deepEqual(messages(other, other), [
      "info sidecar connected",
      "warn sidecar version differs from the agent's",
    ]);
  });

  it("logs the address once an output is served", () => {
    assert.deepEqual(lines(output(waiting), output(serving), output(serving)), [
      ["info", "output ready", { url: "rtsp://127.0.0.1:8554/ds" }],
    ]);
  });

  it("logs each stream of an output", () => {
    assert.deepEqual(
      lines(output(serving, "a", "/ds/a"), output(serving, "b", "/ds/b")).map(
        ([, , fields]) => fields,
      ),
      [{ url: "rtsp://127.0.0.1:8554/ds/a" }, { url: "rtsp://127.0.0.1:8554/ds/b" }],
    );
  });

  it("logs the file of a recording, and the output of a window", () => {
    const found = { id: "out", cameraId: "front", port: 0, state: serving, ...sent };
    const outputs = lines(
      event({ t: "output", output: { ...found, path: "/recordings/a.front.mkv" } }),
      event({ t: "output", output: { ...found, path: "/recordings/a.front-2.mkv" } }),
      event({ t: "output", output: { ...found, id: "screen", path: "" } }),
    );
    assert.deepEqual(outputs, [
      ["info", "output ready", { path: "/recordings/a.front.mkv" }],
      ["info", "output ready", { output: "screen", camera: "front" }],
    ]);
  });

  it("logs that an output stopped and is ready again", () => {
    assert.deepEqual(messages(output(serving), output(waiting), output(serving)), [
      "info output ready",
      "warn output stopped",
      "info output ready",
    ]);
  });

  it("logs what a camera sends, and why it is lost", () => {
    assert.deepEqual(lines(camera(connecting), camera(live), camera(lost)), [
      ["info", "camera live", { camera: "front", encoding: "H264", size: "640x360" }],
      ["warn", "camera lost", { camera: "front", reason: "timeout", ...details }],
    ]);
  });

  it("does not repeat a camera that keeps failing for the same reason", () => {
    const refused: CameraState = { t: "lost", reason: "login refused", ...details };
    assert.deepEqual(
      messages(
        camera(lost),
        camera(connecting),
        camera(lost),
        camera(refused),
        camera(connecting),
        camera(refused),
      ),
      ["warn camera lost", "warn camera lost"],
    );
    assert.deepEqual(messages(camera(live), camera(refused)), [
      "info camera live",
      "warn camera lost",
    ]);
  });

  it("logs that something is not tried again", () => {
    const state: CameraState = {
      t: "lost",
      reason: "not found",
      detail: "x",
      nextAttempt: undefined,
    };
    assert.deepEqual(lines(camera(state)), [
      [
        "warn",
        "camera lost",
        { camera: "front", reason: "not found", detail: "x", nextAttempt: "none" },
      ],
    ]);
  });

  it("logs failures of the pipeline and its outputs once, as errors", () => {
    const failed: PipelineStatus = { t: "failed", reason: "model", ...details };
    const loading: PipelineStatus = { t: "loading", phase: "model", progress: undefined };
    const inUse: OutputState = { t: "failed", reason: "port in use", ...details };
    assert.deepEqual(
      lines(
        pipeline(failed),
        pipeline(loading),
        pipeline(failed),
        output(inUse),
        output(waiting),
        output(inUse),
      ),
      [
        ["error", "pipeline failed", { reason: "model", ...details }],
        [
          "error",
          "output failed",
          { url: "rtsp://127.0.0.1:8554/ds", reason: "port in use", ...details },
        ],
      ],
    );
    assert.deepEqual(messages(pipeline({ t: "running" })), ["info pipeline running"]);
  });

  it("logs once that building a TensorRT engine takes time", () => {
    const at = (progress: number) => pipeline({ t: "loading", phase: "engine", progress });
    assert.equal(lines(at(0), at(0.5), at(1)).length, 1);
  });

  it("finds the changes in a whole state, and forgets what is gone", () => {
    const state = (cameras: string[]): ReconcilerEvent =>
      event({
        t: "state",
        state: {
          generation: "g1",
          pipeline: { t: "running" },
          cameras: cameras.map((id) => ({ id, since, state: live, counters })),
          outputs: [{ id: "rtsp", cameraId: "", port: 8554, path: "/ds", state: serving, ...sent }],
          processes: [],
        },
      });
    assert.deepEqual(messages(state(["a"]), state(["a"])), [
      "info camera live",
      "info output ready",
    ]);
    assert.deepEqual(messages(state([]), state(["a"])), ["info camera live"]);
  });

  it("counts each frame's objects by label", () => {
    const labels = ["person", "car", "person", "constructor"];
    const detections = frameOf({ cameraId: "front" }, labels);
    assert.deepEqual(lines(event({ t: "detections", detections })), [
      [
        "info",
        "frame",
        { camera: "front", counts: { person: 2, car: 1, constructor: 1 }, carried: undefined },
      ],
    ]);
  });

  describe("the connection", () => {
    const err = new SidecarError("UNAVAILABLE", "Connect", "connect ENOENT /run/x.sock");
    const unreachable = (forMs: number): ReconcilerEvent => ({
      ...({ t: "unreachable", err, forMs } as const),
      previous: undefined,
    });
    const parted: ReconcilerEvent = { t: "disconnected", why: "silent", err: undefined };
    const beat = pipeline({ t: "idle" });

    it("does not warn at first about a sidecar that is not there yet", () => {
      assert.deepEqual(messages(unreachable(1), unreachable(9999)), []);
      assert.deepEqual(lines(unreachable(10_400), unreachable(60_000)), [
        [
          "warn",
          "sidecar does not answer",
          { seconds: 10, reason: "UNAVAILABLE", detail: "connect ENOENT /run/x.sock" },
        ],
      ]);
    });

    it("logs what is known of the sidecar", () => {
      assert.deepEqual(lines(connected()), [
        ["info", "sidecar connected", { version: "0.1.0", engine: "cpu", gstreamer: "1.22.0" }],
      ]);
    });

    it("logs that a sidecar disconnected and answers again", () => {
      assert.deepEqual(messages(connected(), beat, parted, connected(), beat, beat), [
        "info sidecar connected",
        "warn sidecar disconnected",
        "info sidecar answers again",
      ]);
    });

    it("logs a loop of failures once", () => {
      const failed: ReconcilerEvent = { t: "disconnected", why: "call failed", err };
      assert.deepEqual(messages(connected(), failed, connected(), failed, connected(), failed), [
        "info sidecar connected",
        "warn sidecar disconnected",
      ]);
    });

    it("logs the state of another instance again", () => {
      lines(connected("one"), camera(live), output(serving));
      assert.deepEqual(messages(parted, connected("two"), camera(live), output(serving)), [
        "warn sidecar disconnected",
        "info sidecar connected",
        "info camera live",
        "info output ready",
      ]);
    });
  });

  describe("the specification", () => {
    const problems: Problem[] = [
      { severity: "error", code: "no-file", path: "model.bundle_path", message: "not there" },
      { severity: "warning", code: "unused-key", path: "config_infer.txt:7", message: "unused" },
      { severity: "notice", code: "no-meaning", path: "config_infer.txt", message: "no use here" },
    ];

    it("logs each problem of a refusal on its own line", () => {
      assert.deepEqual(lines({ t: "refused", generation: "g1", problems }), [
        [
          "error",
          "specification refused",
          { path: "model.bundle_path", reason: "no-file", detail: "not there" },
        ],
        [
          "warn",
          "problem in the specification",
          { path: "config_infer.txt:7", reason: "unused-key", detail: "unused" },
        ],
      ]);
    });

    it("logs a repeated refusal once, until its problems change", () => {
      const refused: ReconcilerEvent = { t: "refused", generation: "g1", problems };
      const other: ReconcilerEvent = {
        t: "refused",
        generation: "g1",
        problems: problems.slice(1),
      };
      assert.equal(messages(refused, refused).length, 2);
      assert.deepEqual(messages(refused, other), ["warn problem in the specification"]);
    });

    it("does not log a refusal again as a failure of the pipeline", () => {
      const failed = pipeline({ t: "failed", reason: "model", ...details });
      const refused: ReconcilerEvent = {
        t: "refused",
        generation: "g1",
        problems: problems.slice(0, 1),
      };
      assert.deepEqual(messages(refused, failed), ["error specification refused"]);
      const result: ApplyResult = { accepted: true, generation: "g2", problems: [], changes: [] };
      assert.deepEqual(messages({ t: "applied", generation: "g2", result }, failed), [
        "error pipeline failed",
      ]);
    });

    it("logs the warnings about an accepted specification once", () => {
      const result: ApplyResult = {
        accepted: true,
        generation: "g1",
        problems: problems.slice(1),
        changes: [{ path: "cameras[front]", effect: "rebuild" }],
      };
      const applied: ReconcilerEvent = { t: "applied", generation: "g1", result };
      assert.deepEqual(messages(applied, applied), ["warn problem in the specification"]);
    });
  });
});
