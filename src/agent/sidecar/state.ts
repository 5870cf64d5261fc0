/** The sidecar's state, in the agent's own terms. "unknown" stands for what only a newer sidecar knows. */

/** The whole state at one moment. */
export interface State {
  /** The active generation of the specification. Empty: none. */
  readonly generation: string;
  readonly pipeline: PipelineStatus;
  readonly cameras: readonly CameraStatus[];
  readonly outputs: readonly OutputStatus[];
  /** Of the sidecar. */
  readonly processes: readonly ProcessUsage[];
}

export interface ProcessUsage {
  /** keeper, worker or outlet. */
  readonly name: string;
  readonly memoryBytes: number;
  /** User and system time. */
  readonly cpuSeconds: number;
}

/** Frames by their latency. */
export interface LatencyHistogram {
  /** Upper bounds of the buckets, in seconds, ascending. */
  readonly bounds: readonly number[];
  /** Frames in each bucket; the last one is for frames that took longer than the last bound. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

export type PipelineStatus =
  | { readonly t: "idle" }
  | { readonly t: "loading"; readonly phase: LoadingPhase; readonly progress: number | undefined }
  | { readonly t: "running" }
  | ({ readonly t: "failed"; readonly reason: FailureReason } & FailureDetails)
  | { readonly t: "unknown" };

/** For every failed or lost state. */
export interface FailureDetails {
  /** One line for people. Holds no secret. */
  readonly detail: string;
  /** Undefined: it is not tried again automatically. */
  readonly nextAttempt: Date | undefined;
}

export type LoadingPhase = "model" | "engine" | "graph" | "unknown";
export type FailureReason =
  | "model"
  | "element"
  | "gpu"
  | "internal"
  | "crash loop"
  | "storage"
  | "unknown";

export interface CameraStatus {
  readonly id: string;
  readonly since: Date | undefined;
  readonly state: CameraState;
  readonly counters: CameraCounters;
}

/** Counted since the camera was added to the specification, across reconnections. */
export interface CameraCounters {
  readonly framesReceived: number;
  readonly framesDropped: number;
  readonly framesInferred: number;
  /** Frames per second that left detection, over the last seconds. */
  readonly frameRate: number;
  /** Undefined: no frame yet. */
  readonly lastFrame: Date | undefined;
  /** Wall-clock and CPU seconds spent in the network. */
  readonly inferenceSeconds: number;
  readonly inferenceCpuSeconds: number;
  /** From arrival to the end of detection. Undefined: not measured. */
  readonly detectionLatency: LatencyHistogram | undefined;
}

export type CameraState =
  | { readonly t: "connecting"; readonly attempt: number }
  | {
      readonly t: "live";
      readonly encoding: string;
      readonly width: number;
      readonly height: number;
    }
  | ({ readonly t: "lost"; readonly reason: CameraLostReason } & FailureDetails)
  | { readonly t: "off"; readonly until: Date | undefined }
  | { readonly t: "unknown" };

export type CameraLostReason =
  | "login refused"
  | "not found"
  | "unreachable"
  | "timeout"
  | "unsupported codec"
  | "frozen"
  | "ended"
  | "broken stream"
  | "privacy"
  | "refused"
  | "certificate"
  | "no video"
  | "transport"
  | "address"
  | "internal"
  | "unknown";

export interface OutputStatus {
  readonly id: string;
  /** Empty: a tiled stream. */
  readonly cameraId: string;
  /** An RTSP output's port; 0 for other outputs. */
  readonly port: number;
  /** RTSP output: path on the server. File: the file that is being written, in the sidecar. Window: empty. */
  readonly path: string;
  readonly state: OutputState;
  /** Connected now. */
  readonly viewers: number;
  /** Encoded frames passed to the output. */
  readonly frames: number;
  readonly framesDropped: number;
  /** Until the frame has left the encoder. Undefined: not measured. */
  readonly encodingLatency: LatencyHistogram | undefined;
}

export type OutputState =
  | { readonly t: "waiting" }
  | { readonly t: "serving" }
  | ({ readonly t: "failed"; readonly reason: OutputFailedReason } & FailureDetails)
  | { readonly t: "unknown" };

export type OutputFailedReason =
  | "port in use"
  | "encoder"
  | "outlet"
  | "file"
  | "disk full"
  | "display"
  | "unknown";

/** All detections in one frame of one camera. */
export interface FrameDetections {
  readonly cameraId: string;
  /** Pixels, which boxes refer to. */
  readonly width: number;
  readonly height: number;
  /** Undefined: an engine that does not say. */
  readonly captured: Date | undefined;
  /** Nanoseconds on the camera's own time line. */
  readonly pts: bigint;
  /** False: the detections are carried over from an earlier frame. */
  readonly inferred: boolean;
  readonly detections: readonly Detection[];
}

export interface Detection {
  readonly classId: number;
  readonly label: string;
  /** 0 to 1. */
  readonly confidence: number;
  /** The same from frame to frame, as long as the worker lives. Undefined: there is no tracker. */
  readonly trackId: bigint | undefined;
  readonly box: Box;
  readonly attributes: readonly Attribute[];
}

/** In pixels of the camera's frame. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** What else the model says about an object. */
export interface Attribute {
  readonly name: string;
  readonly value: string;
  readonly confidence: number;
}

/** A frame of a stream as viewers get it. */
export interface EncodedFrame {
  /** Else H.264. */
  readonly isH265: boolean;
  /** It can be decoded without earlier frames. */
  readonly isKey: boolean;
  /** On key frames: what a decoder must know, as ISO 14496-15 has it. Empty: it is in the data (Annex B). */
  readonly description: Uint8Array;
  readonly data: Uint8Array;
}

/** One message of a watch. */
export interface Update {
  /** Number of the last event that this message includes. */
  readonly sequence: bigint;
  readonly event: SidecarEvent;
}

export type SidecarEvent =
  | { readonly t: "state"; readonly state: State }
  | { readonly t: "pipeline"; readonly pipeline: PipelineStatus }
  | { readonly t: "camera"; readonly camera: CameraStatus }
  | { readonly t: "output"; readonly output: OutputStatus }
  | { readonly t: "detections"; readonly detections: FrameDetections }
  | { readonly t: "unknown" };
