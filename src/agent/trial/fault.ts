/** Why a trial is not passed. */

export const FAULT_CODES = [
  /** The worker said no to the specification. */
  "refused",
  /** The pipeline says FAILED. */
  "pipeline failed",
  /** The worker died more often than the bounds allow. */
  "worker died",
  /** Calls came to nothing, or the sidecar never came up. */
  "no answer",
  /** In force, and not running, or not through its self-test, within its time. */
  "not ready",
  "output failed",
  /** Cameras are live, and an output shows none of it. */
  "no picture",
  /** A camera sends, and nothing of it leaves detection. */
  "stalled",
  /** A camera that was live before sends what cannot be decoded now. */
  "not decoded",
  "frame rate",
  "latency",
  "detections",
  /** The agent ended again and again in the middle of the trial. */
  "interrupted",
  /** What a newer version of the agent has noted, beyond these. */
  "unknown",
] as const;

export type FaultCode = (typeof FAULT_CODES)[number];

export interface Fault {
  readonly code: FaultCode;
  /** One line for a person. Holds no secret. */
  readonly detail: string;
}
