/** Facts for tests: a node with one live camera, one stream and nothing on trial. */

import type { CameraStatus, OutputStatus, State } from "../../sidecar/state.js";
import { NEW_RECORD } from "../../trial/record.js";
import { NO_TRIAL } from "../../trial/trial.js";
import type { HttpFacts } from "../facts.js";
import { NO_TRANSITIONS } from "../transition-counts.js";

const SINCE = new Date("2026-11-01T00:00:00Z");

export function camera(
  id: string,
  state: CameraStatus["state"] = { t: "live", encoding: "H264", width: 640, height: 360 },
): CameraStatus {
  const latency = { bounds: [0.1, 0.5], counts: [7, 2, 1], sumSeconds: 2.5 };
  return {
    id,
    since: SINCE,
    state,
    counters: {
      framesReceived: 12,
      framesDropped: 2,
      framesInferred: 10,
      frameRate: 24.96,
      lastFrame: SINCE,
      inferenceSeconds: 1.5,
      inferenceCpuSeconds: 3,
      detectionLatency: latency,
    },
  };
}

export function output(
  id: string,
  state: OutputStatus["state"] = { t: "serving" },
  cameraId = "",
): OutputStatus {
  const encodingLatency = { bounds: [0.1, 0.5], counts: [9, 0, 0], sumSeconds: 0.5 };
  return {
    ...{ id, cameraId, state, encodingLatency },
    ...{ port: 8554, path: "/ds", viewers: 1, frames: 9, framesDropped: 1 },
  };
}

export function state(change: Partial<State> = {}): State {
  return {
    generation: "g1",
    pipeline: { t: "running" },
    cameras: [camera("front")],
    outputs: [output("rtsp")],
    processes: [{ name: "worker", memoryBytes: 2_000_000, cpuSeconds: 4 }],
    ...change,
  };
}

export function facts(change: Partial<HttpFacts> = {}): HttpFacts {
  return {
    version: "1.2.3",
    trial: NO_TRIAL,
    record: NEW_RECORD,
    state: state(),
    peer: {
      ...{ instanceId: "one", version: "1.2.3", engine: "cpu", board: "", deepstream: "" },
      ...{ gpu: "", gstreamer: "1.22.0", previous: undefined },
    },
    ended: undefined,
    counts: { ...NO_TRANSITIONS, connections: 1 },
    nowMs: SINCE.getTime(),
    ...change,
  };
}
