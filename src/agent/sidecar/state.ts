/** What the sidecar tells about itself, in the agent's own terms. "unknown" is what a newer sidecar says beyond them. */

/** The whole truth about the sidecar at one moment. */
export interface State {
  /** Generation of the specification in force. Empty: none. */
  readonly generation: string;
  readonly pipeline: PipelineStatus;
  readonly cameras: readonly CameraStatus[];
  readonly outputs: readonly OutputStatus[];
}

export type PipelineStatus =
  | { readonly t: "idle" }
  | { readonly t: "loading"; readonly phase: LoadingPhase; readonly progress: number | undefined }
  | { readonly t: "running" }
  | ({ readonly t: "failed"; readonly reason: FailureReason } & Trouble)
  | { readonly t: "unknown" };

/** What goes with every failed or lost state. */
export interface Trouble {
  /** One line for a person. Holds no secret. */
  readonly detail: string;
  /** Undefined: it is not tried again by itself. */
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

/** Counted from the moment the camera was put into the specification; a reconnection does not restart them. */
export interface CameraCounters {
  readonly framesReceived: number;
  readonly framesDropped: number;
  readonly framesInferred: number;
  /** Frames that left detection, a second, over the last seconds. */
  readonly frameRate: number;
  /** Undefined: no frame yet. */
  readonly lastFrame: Date | undefined;
  /** Wall-clock seconds spent in the network itself. */
  readonly inferenceSeconds: number;
}

export type CameraState =
  | { readonly t: "connecting"; readonly attempt: number }
  | {
      readonly t: "live";
      readonly encoding: string;
      readonly width: number;
      readonly height: number;
    }
  | ({ readonly t: "lost"; readonly reason: CameraLostReason } & Trouble)
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
  | "certificate"
  | "internal"
  | "unknown";

export interface OutputStatus {
  readonly id: string;
  /** Empty: a tiled picture. */
  readonly cameraId: string;
  /** Of an RTSP output; 0 for others. */
  readonly port: number;
  /** Of an RTSP output on its server; of a file in the sidecar, the one that is written; empty for a window. */
  readonly path: string;
  readonly state: OutputState;
  /** Connected now. */
  readonly viewers: number;
  /** Encoded frames handed to the output. */
  readonly frames: number;
  readonly framesDropped: number;
}

export type OutputState =
  | { readonly t: "waiting" }
  | { readonly t: "serving" }
  | ({ readonly t: "failed"; readonly reason: OutputFailedReason } & Trouble)
  | { readonly t: "unknown" };

export type OutputFailedReason =
  | "port in use"
  | "encoder"
  | "outlet"
  | "file"
  | "disk full"
  | "display"
  | "unknown";

/** All objects of one frame of one camera. */
export interface FrameDetections {
  readonly cameraId: string;
  /** False: the boxes are carried over from an earlier frame. */
  readonly inferred: boolean;
  readonly labels: readonly string[];
}

/** One message of a watch. */
export interface Update {
  /** Number of the last event that this message knows of. */
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
