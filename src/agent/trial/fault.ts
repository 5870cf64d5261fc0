/** Why a trial is not passed. */

export type FaultCode =
  /** The worker said no to the specification. */
  | "refused"
  /** The pipeline says FAILED. */
  | "pipeline failed"
  /** The worker died more often than the bounds allow. */
  | "worker died"
  /** Calls came to nothing, or the sidecar never came up. */
  | "no answer"
  /** In force, and not running within its time. */
  | "not ready"
  | "output failed"
  /** Cameras are live, and an output shows none of it. */
  | "no picture"
  /** A camera sends, and nothing of it leaves detection. */
  | "stalled"
  | "frame rate"
  | "latency"
  | "detections"
  /** The agent ended again and again in the middle of the trial. */
  | "interrupted";

export interface Fault {
  readonly code: FaultCode;
  /** One line for a person. Holds no secret. */
  readonly detail: string;
}
