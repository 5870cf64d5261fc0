/** The sidecar as the rest of the agent sees it, without gRPC and generated code. */

import type { Desired, PipelineSpec, Polygon } from "../../common/settings/spec.js";
import type { Box, Update } from "./state.js";

/** A connection to one sidecar. Every method throws SidecarError, or the signal's reason once that is aborted. */
export interface Sidecar {
  /** The first call: returns who answers. */
  connect(options: CallOptions): Promise<Peer>;
  /** Returns everything that is wrong with a specification on the sidecar's machine, without applying it. */
  check(spec: PipelineSpec, options: CallOptions): Promise<readonly Problem[]>;
  /** Applies a specification. A refusal is an answer, not an error. */
  apply(desired: Desired, options: CallOptions): Promise<ApplyResult>;
  /** Yields the whole state, then events. Leaving the loop ends the call. */
  watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<Update, void, undefined>;
  /** A frame of a camera as JPEG. */
  takePicture(request: PictureRequest, options: CallOptions): Promise<Uint8Array>;
  /** Replaces the zones and lines that are drawn on frames. */
  showZones(zones: readonly CameraZones[], options: CallOptions): Promise<void>;
  /** Ends all calls. Must always be called once. */
  close(): void;
}

export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface WatchRequest {
  /** Where an earlier watch of the same instance ended; undefined: start now. */
  readonly resume: ResumePoint | undefined;
  readonly heartbeatMs: number;
  readonly detections: boolean;
}

export interface PictureRequest {
  readonly cameraId: string;
  /** Of the frame. */
  readonly pts: bigint;
  /** In pixels of the frame; undefined: the whole. */
  readonly area: Box | undefined;
}

export interface CameraZones {
  readonly cameraId: string;
  readonly shapes: readonly Shape[];
}

/** A zone, or with two points a line, as it is drawn. */
export interface Shape {
  readonly points: Polygon;
  readonly text: string;
}

export interface ResumePoint {
  readonly instanceId: string;
  readonly sequence: bigint;
}

export interface Peer {
  /** Differs between worker processes. */
  readonly instanceId: string;
  readonly version: string;
  readonly engine: string;
  /** Empty: no known board. */
  readonly board: string;
  /** Empty without DeepStream. */
  readonly deepstream: string;
  /** Empty without a GPU. */
  readonly gpu: string;
  readonly gstreamer: string;
  /** Undefined: the first worker since the sidecar was started. */
  readonly previous: PreviousWorker | undefined;
}

/** How the worker before this one ended. */
export interface PreviousWorker {
  readonly ended: Date | undefined;
  /** One line for people. */
  readonly how: string;
  /** Its last lines on standard error that are not log lines, oldest first. */
  readonly lastLines: readonly string[];
  /** Consecutive failures, including this one. */
  readonly failures: number;
}

export interface ApplyResult {
  readonly accepted: boolean;
  /** The active generation after the call. Empty: none. */
  readonly generation: string;
  readonly problems: readonly Problem[];
  /** Empty for a repeated generation. */
  readonly changes: readonly Change[];
}

export interface Problem {
  readonly severity: "error" | "warning" | "notice";
  /** Stable name, for programs. */
  readonly code: string;
  readonly path: string;
  /** One line for people. Holds no secret. */
  readonly message: string;
}

export interface Change {
  readonly path: string;
  readonly effect: "live" | "rebuild" | "unknown";
}
