/**
 * Converts messages of the contract into the agent's own terms. What is missing or not known becomes "unknown"; texts
 * become plain text, whatever a camera or a bundle has made the sidecar say.
 */

import { plainText } from "../../common/plain-text.js";
import type {
  Detection as PbDetection,
  FrameDetections as PbFrameDetections,
} from "./gen/slipstream/v1/detection.js";
import * as pipeline from "./gen/slipstream/v1/pipeline.js";
import { Codec } from "./gen/slipstream/v1/spec.js";
import * as pb from "./gen/slipstream/v1/state.js";
import type { ApplyResult, Peer, Problem } from "./sidecar.js";
import type * as state from "./state.js";

export function fromConnectResponse(response: pipeline.ConnectResponse): Peer {
  return {
    instanceId: response.instanceId,
    version: plainText(response.sidecarVersion),
    engine: plainText(response.engine),
    board: plainText(response.board),
    deepstream: plainText(response.deepstreamRelease),
    gpu: plainText(response.gpu),
    gstreamer: plainText(response.gstreamerVersion),
    previous: response.previous && {
      ...response.previous,
      how: plainText(response.previous.how),
      lastLines: response.previous.lastLines.map(plainText),
    },
  };
}

export function fromCheckResponse(response: pipeline.CheckResponse): Problem[] {
  return response.problems.map(fromProblem);
}

export function fromApplyResponse(response: pipeline.ApplyResponse): ApplyResult {
  return {
    accepted: response.accepted,
    generation: response.generation,
    problems: response.problems.map(fromProblem),
    changes: response.changes.map(({ path, effect }) => ({ path, effect: named(EFFECTS, effect) })),
  };
}

export function fromWatchResponse({ sequence, event }: pipeline.WatchResponse): state.Update {
  return { sequence, event: fromEvent(event) };
}

export function fromWatchVideoResponse(response: pipeline.WatchVideoResponse): state.EncodedFrame {
  const { codec, key: isKey, description, data } = response;
  return { isH265: codec === Codec.CODEC_H265, isKey, description, data };
}

function fromEvent(event: pipeline.WatchResponse["event"]): state.SidecarEvent {
  switch (event?.$case) {
    case "state":
      return { t: "state", state: fromState(event.value) };
    case "pipeline":
      return { t: "pipeline", pipeline: fromPipelineStatus(event.value) };
    case "camera":
      return { t: "camera", camera: fromCameraStatus(event.value) };
    case "output":
      return { t: "output", output: fromOutputStatus(event.value) };
    case "detections":
      return { t: "detections", detections: fromFrameDetections(event.value) };
    case undefined:
      return { t: "unknown" };
    default:
      return event satisfies never;
  }
}

function fromState(message: pb.State): state.State {
  return {
    generation: message.generation,
    pipeline: fromPipelineStatus(message.pipeline),
    cameras: message.cameras.map(fromCameraStatus),
    outputs: message.outputs.map(fromOutputStatus),
    processes: message.processes.map(({ name, memoryBytes, cpuSeconds }) => ({
      name: plainText(name),
      memoryBytes: Number(memoryBytes),
      cpuSeconds,
    })),
  };
}

function fromHistogram(
  message: pb.LatencyHistogram | undefined,
): state.LatencyHistogram | undefined {
  if (message === undefined || message.counts.length !== message.bounds.length + 1)
    return undefined;
  const { bounds, counts, sumSeconds } = message;
  return { bounds, counts: counts.map(Number), sumSeconds };
}

function fromPipelineStatus(message: pb.PipelineStatus | undefined): state.PipelineStatus {
  const current = message?.state;
  switch (current?.$case) {
    case "idle":
      return { t: "idle" };
    case "loading":
      return {
        t: "loading",
        phase: named(LOADING_PHASES, current.value.phase),
        progress: current.value.progress,
      };
    case "running":
      return { t: "running" };
    case "failed":
      return { t: "failed", ...failure(FAILURE_REASONS, current.value) };
    case undefined:
      return { t: "unknown" };
    default:
      return current satisfies never;
  }
}

function fromCameraStatus(message: pb.CameraStatus): state.CameraStatus {
  const { id, since } = message;
  const state = fromCameraState(message.state);
  return { id, since, state, counters: fromCameraCounters(message.counters) };
}

function fromCameraCounters(message: pb.CameraCounters | undefined): state.CameraCounters {
  return {
    framesReceived: Number(message?.framesReceived ?? 0n),
    framesDropped: Number(message?.framesDropped ?? 0n),
    framesInferred: Number(message?.framesInferred ?? 0n),
    frameRate: message?.frameRate ?? 0,
    lastFrame: message?.lastFrameTime,
    inferenceSeconds: message?.inferenceSeconds ?? 0,
    inferenceCpuSeconds: message?.inferenceCpuSeconds ?? 0,
    detectionLatency: fromHistogram(message?.detectionLatency),
  };
}

function fromCameraState(current: pb.CameraStatus["state"]): state.CameraState {
  switch (current?.$case) {
    case "connecting":
      return { t: "connecting", attempt: current.value.attempt };
    case "live":
      return { t: "live", ...current.value };
    case "lost":
      return { t: "lost", ...failure(CAMERA_LOST_REASONS, current.value) };
    case "off":
      return { t: "off", until: current.value.until };
    case undefined:
      return { t: "unknown" };
    default:
      return current satisfies never;
  }
}

function fromOutputStatus(message: pb.OutputStatus): state.OutputStatus {
  const { id, cameraId, port, path, viewers } = message;
  return {
    id,
    cameraId,
    port,
    path,
    viewers,
    state: fromOutputState(message.state),
    frames: Number(message.frames),
    framesDropped: Number(message.framesDropped),
    encodingLatency: fromHistogram(message.encodingLatency),
  };
}

function fromOutputState(current: pb.OutputStatus["state"]): state.OutputState {
  switch (current?.$case) {
    case "waiting":
      return { t: "waiting" };
    case "serving":
      return { t: "serving" };
    case "failed":
      return { t: "failed", ...failure(OUTPUT_FAILED_REASONS, current.value) };
    case undefined:
      return { t: "unknown" };
    default:
      return current satisfies never;
  }
}

function fromFrameDetections(message: PbFrameDetections): state.FrameDetections {
  const { cameraId, inferred, pts } = message;
  return {
    cameraId,
    width: message.frameWidth,
    height: message.frameHeight,
    captured: message.captureTime,
    pts,
    inferred,
    detections: message.detections.map(fromDetection),
  };
}

function fromDetection(message: PbDetection): state.Detection {
  const { classId, label, confidence, trackId, attributes } = message;
  const { left, top, width, height } = message.box ?? NO_BOX;
  return {
    classId,
    label: plainText(label),
    confidence,
    trackId,
    box: { left, top, width, height },
    attributes: attributes.map(({ name, value, confidence }) => {
      return { name: plainText(name), value: plainText(value), confidence };
    }),
  };
}

const NO_BOX: state.Box = { left: 0, top: 0, width: 0, height: 0 };

function fromProblem(problem: pipeline.Problem): Problem {
  const { severity, code, path, message } = problem;
  return {
    severity: SEVERITIES[severity] ?? "error",
    code,
    path: plainText(path),
    message: plainText(message),
  };
}

function failure<Key extends number, Name extends string>(
  reasons: Readonly<Record<Key, Name>>,
  { reason, detail, nextAttempt }: state.FailureDetails & { readonly reason: Key },
) {
  return { reason: named(reasons, reason), detail: plainText(detail), nextAttempt };
}

/** ts-proto passes on unknown numbers as they are; they are in none of the tables below. */
function named<Key extends number, Name extends string>(
  table: Readonly<Record<Key, Name>>,
  value: Key,
): Name | "unknown" {
  return table[value] ?? "unknown";
}

/** An unknown severity counts as an error. */
const SEVERITIES: Readonly<Record<pipeline.Severity, Problem["severity"]>> = {
  [pipeline.Severity.SEVERITY_ERROR]: "error",
  [pipeline.Severity.SEVERITY_WARNING]: "warning",
  [pipeline.Severity.SEVERITY_NOTICE]: "notice",
  [pipeline.Severity.SEVERITY_UNSPECIFIED]: "error",
  [pipeline.Severity.UNRECOGNIZED]: "error",
};

const EFFECTS: Readonly<Record<pipeline.Effect, "live" | "rebuild" | "unknown">> = {
  [pipeline.Effect.EFFECT_LIVE]: "live",
  [pipeline.Effect.EFFECT_REBUILD]: "rebuild",
  [pipeline.Effect.EFFECT_UNSPECIFIED]: "unknown",
  [pipeline.Effect.UNRECOGNIZED]: "unknown",
};

const LOADING_PHASES: Readonly<Record<pb.LoadingPhase, state.LoadingPhase>> = {
  [pb.LoadingPhase.LOADING_PHASE_MODEL]: "model",
  [pb.LoadingPhase.LOADING_PHASE_ENGINE]: "engine",
  [pb.LoadingPhase.LOADING_PHASE_GRAPH]: "graph",
  [pb.LoadingPhase.LOADING_PHASE_UNSPECIFIED]: "unknown",
  [pb.LoadingPhase.UNRECOGNIZED]: "unknown",
};

const FAILURE_REASONS: Readonly<Record<pb.FailureReason, state.FailureReason>> = {
  [pb.FailureReason.FAILURE_REASON_MODEL]: "model",
  [pb.FailureReason.FAILURE_REASON_ELEMENT]: "element",
  [pb.FailureReason.FAILURE_REASON_GPU]: "gpu",
  [pb.FailureReason.FAILURE_REASON_INTERNAL]: "internal",
  [pb.FailureReason.FAILURE_REASON_CRASH_LOOP]: "crash loop",
  [pb.FailureReason.FAILURE_REASON_STORAGE]: "storage",
  [pb.FailureReason.FAILURE_REASON_UNSPECIFIED]: "unknown",
  [pb.FailureReason.UNRECOGNIZED]: "unknown",
};

const CAMERA_LOST_REASONS: Readonly<Record<pb.CameraLostReason, state.CameraLostReason>> = {
  [pb.CameraLostReason.CAMERA_LOST_REASON_AUTH_FAILED]: "login refused",
  [pb.CameraLostReason.CAMERA_LOST_REASON_NOT_FOUND]: "not found",
  [pb.CameraLostReason.CAMERA_LOST_REASON_UNREACHABLE]: "unreachable",
  [pb.CameraLostReason.CAMERA_LOST_REASON_TIMEOUT]: "timeout",
  [pb.CameraLostReason.CAMERA_LOST_REASON_UNSUPPORTED_CODEC]: "unsupported codec",
  [pb.CameraLostReason.CAMERA_LOST_REASON_FROZEN]: "frozen",
  [pb.CameraLostReason.CAMERA_LOST_REASON_ENDED]: "ended",
  [pb.CameraLostReason.CAMERA_LOST_REASON_BROKEN_STREAM]: "broken stream",
  [pb.CameraLostReason.CAMERA_LOST_REASON_PRIVACY]: "privacy",
  [pb.CameraLostReason.CAMERA_LOST_REASON_REFUSED]: "refused",
  [pb.CameraLostReason.CAMERA_LOST_REASON_CERTIFICATE]: "certificate",
  [pb.CameraLostReason.CAMERA_LOST_REASON_INTERNAL]: "internal",
  [pb.CameraLostReason.CAMERA_LOST_REASON_NO_VIDEO]: "no video",
  [pb.CameraLostReason.CAMERA_LOST_REASON_TRANSPORT]: "transport",
  [pb.CameraLostReason.CAMERA_LOST_REASON_ADDRESS]: "address",
  [pb.CameraLostReason.CAMERA_LOST_REASON_UNSPECIFIED]: "unknown",
  [pb.CameraLostReason.UNRECOGNIZED]: "unknown",
};

const OUTPUT_FAILED_REASONS: Readonly<Record<pb.OutputFailedReason, state.OutputFailedReason>> = {
  [pb.OutputFailedReason.OUTPUT_FAILED_REASON_PORT_IN_USE]: "port in use",
  [pb.OutputFailedReason.OUTPUT_FAILED_REASON_ENCODER]: "encoder",
  [pb.OutputFailedReason.OUTPUT_FAILED_REASON_OUTLET]: "outlet",
  [pb.OutputFailedReason.OUTPUT_FAILED_REASON_FILE]: "file",
  [pb.OutputFailedReason.OUTPUT_FAILED_REASON_DISK_FULL]: "disk full",
  [pb.OutputFailedReason.OUTPUT_FAILED_REASON_DISPLAY]: "display",
  [pb.OutputFailedReason.OUTPUT_FAILED_REASON_UNSPECIFIED]: "unknown",
  [pb.OutputFailedReason.UNRECOGNIZED]: "unknown",
};
