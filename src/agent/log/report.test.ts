import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import { SidecarError } from "../sidecar/error.js";
import type { Peer, Problem, Verdict } from "../sidecar/sidecar.js";
import type { CameraState, OutputState, PipelineStatus, SidecarEvent } from "../sidecar/state.js";
import { Report } from "./report.js";

type Told = [level: string, message: string, fields?: unknown];

describe("Report", () => {
  let told: Told[];
  let report: Report;

  beforeEach(() => {
    told = [];
    const at = (level: string) => (message: string, fields?: unknown) => {
      told.push(fields === undefined ? [level, message] : [level, message, fields]);
    };
    const debug = () => {};
    report = new Report({ error: at("error"), warn: at("warn"), info: at("info"), debug }, "0.1.0");
  });

  /** What is told because of these events. */
  function lines(...events: ReconcilerEvent[]): Told[] {
    for (const event of events) report.trace(event);
    return told.splice(0);
  }

  /** The same, levels and messages alone. */
  function messages(...events: ReconcilerEvent[]): string[] {
    return lines(...events).map(([level, message]) => `${level} ${message}`);
  }

  const trouble = { detail: "what to do", nextAttempt: new Date(5000) };
  const live: CameraState = { t: "live", encoding: "H264", width: 640, height: 360 };
  const lost: CameraState = { t: "lost", reason: "timeout", ...trouble };
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
  };
  const sent = { viewers: 0, frames: 0, framesDropped: 0 };
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

  it("tells how the worker before died, once, when there is a new one", () => {
    const previous = { ended: since, how: "signal SIGSEGV", lastLines: ["oh no"], failures: 2 };
    const told = connected("two", previous);
    assert.deepEqual(lines(told, told).slice(1), [
      ["warn", "the worker before this one died", previous],
    ]);
  });

  it("tells that the sidecar is of another version than the agent", () => {
    const other = connected("two", undefined, "0.2.0");
    assert.deepEqual(messages(other, other), [
      "info sidecar connected",
      "warn sidecar is of another version",
    ]);
  });

  it("tells the address when, and only when, a picture is served", () => {
    assert.deepEqual(lines(output(waiting), output(serving), output(serving)), [
      ["info", "picture ready", { url: "rtsp://127.0.0.1:8554/ds" }],
    ]);
  });

  it("tells of each picture of an output by itself", () => {
    assert.deepEqual(
      lines(output(serving, "a", "/ds/a"), output(serving, "b", "/ds/b")).map(
        ([, , fields]) => fields,
      ),
      [{ url: "rtsp://127.0.0.1:8554/ds/a" }, { url: "rtsp://127.0.0.1:8554/ds/b" }],
    );
  });

  it("tells the file that a picture is recorded in, and of a window which output it is", () => {
    const found = { id: "out", cameraId: "front", port: 0, state: serving, ...sent };
    const told = lines(
      event({ t: "output", output: { ...found, path: "/recordings/a.front.mkv" } }),
      event({ t: "output", output: { ...found, path: "/recordings/a.front-2.mkv" } }),
      event({ t: "output", output: { ...found, id: "screen", path: "" } }),
    );
    assert.deepEqual(told, [
      ["info", "picture ready", { path: "/recordings/a.front.mkv" }],
      ["info", "picture ready", { output: "screen", camera: "front" }],
    ]);
  });

  it("tells that a picture stopped, and that it is there again", () => {
    assert.deepEqual(messages(output(serving), output(waiting), output(serving)), [
      "info picture ready",
      "warn picture stopped",
      "info picture ready",
    ]);
  });

  it("tells of a camera what it sends, and why it is lost", () => {
    assert.deepEqual(lines(camera(connecting), camera(live), camera(lost)), [
      ["info", "camera live", { camera: "front", encoding: "H264", size: "640x360" }],
      ["warn", "camera lost", { camera: "front", reason: "timeout", ...trouble }],
    ]);
  });

  it("does not repeat a camera that goes on failing for the same reason", () => {
    const refused: CameraState = { t: "lost", reason: "login refused", ...trouble };
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

  it("says so when something is not tried again", () => {
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

  it("tells failures of the pipeline and its outputs once, as errors", () => {
    const failed: PipelineStatus = { t: "failed", reason: "model", ...trouble };
    const loading: PipelineStatus = { t: "loading", phase: "model", progress: undefined };
    const inUse: OutputState = { t: "failed", reason: "port in use", ...trouble };
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
        ["error", "pipeline failed", { reason: "model", ...trouble }],
        [
          "error",
          "output failed",
          { url: "rtsp://127.0.0.1:8554/ds", reason: "port in use", ...trouble },
        ],
      ],
    );
    assert.deepEqual(messages(pipeline({ t: "running" })), ["info pipeline running"]);
  });

  it("warns that building an engine takes its time, once", () => {
    const at = (progress: number) => pipeline({ t: "loading", phase: "engine", progress });
    assert.equal(lines(at(0), at(0.5), at(1)).length, 1);
  });

  it("finds the same news in a whole state, and forgets what is there no more", () => {
    const state = (cameras: string[]): ReconcilerEvent =>
      event({
        t: "state",
        state: {
          generation: "g1",
          pipeline: { t: "running" },
          cameras: cameras.map((id) => ({ id, since, state: live, counters })),
          outputs: [{ id: "rtsp", cameraId: "", port: 8554, path: "/ds", state: serving, ...sent }],
        },
      });
    assert.deepEqual(messages(state(["a"]), state(["a"])), [
      "info camera live",
      "info picture ready",
    ]);
    assert.deepEqual(messages(state([]), state(["a"])), ["info camera live"]);
  });

  it("counts each frame's objects by label", () => {
    const labels = ["person", "car", "person", "constructor"];
    const detections = { cameraId: "front", inferred: true, labels };
    assert.deepEqual(lines(event({ t: "detections", detections })), [
      [
        "info",
        "frame",
        { camera: "front", counts: { person: 2, car: 1, constructor: 1 }, carried: undefined },
      ],
    ]);
  });

  describe("on the connection", () => {
    const err = new SidecarError("UNAVAILABLE", "Connect", "connect ENOENT /run/x.sock");
    const unreachable = (forMs: number): ReconcilerEvent => ({
      ...({ t: "unreachable", err, forMs } as const),
      previous: undefined,
    });
    const parted: ReconcilerEvent = { t: "disconnected", why: "silent", err: undefined };
    const beat = pipeline({ t: "idle" });

    it("takes a sidecar that is not yet there for the normal case at first", () => {
      assert.deepEqual(messages(unreachable(1), unreachable(9999)), []);
      assert.deepEqual(lines(unreachable(10_400), unreachable(60_000)), [
        [
          "warn",
          "sidecar does not answer",
          { seconds: 10, reason: "UNAVAILABLE", detail: "connect ENOENT /run/x.sock" },
        ],
      ]);
    });

    it("tells what is at the other end, without what is not known", () => {
      assert.deepEqual(lines(connected()), [
        ["info", "sidecar connected", { version: "0.1.0", engine: "cpu", gstreamer: "1.22.0" }],
      ]);
    });

    it("tells that a sidecar was lost and that the same one answers again", () => {
      assert.deepEqual(messages(connected(), beat, parted, connected(), beat, beat), [
        "info sidecar connected",
        "warn sidecar lost",
        "info sidecar answers again",
      ]);
    });

    it("tells a loop of failures once", () => {
      const failed: ReconcilerEvent = { t: "disconnected", why: "call failed", err };
      assert.deepEqual(messages(connected(), failed, connected(), failed, connected(), failed), [
        "info sidecar connected",
        "warn sidecar lost",
      ]);
    });

    it("tells the state of another instance anew", () => {
      lines(connected("one"), camera(live), output(serving));
      assert.deepEqual(messages(parted, connected("two"), camera(live), output(serving)), [
        "warn sidecar lost",
        "info sidecar connected",
        "info camera live",
        "info picture ready",
      ]);
    });
  });

  describe("on the specification", () => {
    const problems: Problem[] = [
      { severity: "error", code: "no-file", path: "model.bundle_path", message: "not there" },
      { severity: "warning", code: "unused-key", path: "config_infer.txt:7", message: "unused" },
      { severity: "notice", code: "no-meaning", path: "config_infer.txt", message: "no use here" },
    ];

    it("tells each problem of a refusal in a line of its own", () => {
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

    it("tells a refusal that is repeated once, until another problem comes", () => {
      const refused: ReconcilerEvent = { t: "refused", generation: "g1", problems };
      const other: ReconcilerEvent = {
        t: "refused",
        generation: "g1",
        problems: problems.slice(1),
      };
      assert.equal(messages(refused, refused).length, 2);
      assert.deepEqual(messages(refused, other), ["warn problem in the specification"]);
    });

    it("does not tell a refusal again as a failure of the pipeline", () => {
      const failed = pipeline({ t: "failed", reason: "model", ...trouble });
      const refused: ReconcilerEvent = {
        t: "refused",
        generation: "g1",
        problems: problems.slice(0, 1),
      };
      assert.deepEqual(messages(refused, failed), ["error specification refused"]);
      const verdict: Verdict = { accepted: true, generation: "g2", problems: [], changes: [] };
      assert.deepEqual(messages({ t: "applied", generation: "g2", verdict }, failed), [
        "error pipeline failed",
      ]);
    });

    it("warns once of what an accepted one does not do as written", () => {
      const verdict: Verdict = {
        accepted: true,
        generation: "g1",
        problems: problems.slice(1),
        changes: [{ path: "cameras[front]", effect: "rebuild" }],
      };
      const applied: ReconcilerEvent = { t: "applied", generation: "g1", verdict };
      assert.deepEqual(messages(applied, applied), ["warn problem in the specification"]);
    });
  });
});
