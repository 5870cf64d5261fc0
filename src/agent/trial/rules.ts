/** How long a trial lasts, what it allows, and the names of the faults that end it. */

import { z } from "zod";
import type { Conduct } from "../../common/settings/desired-state.js";

export interface Rules {
  /** False: every candidate is applied, and nothing is judged. */
  readonly on: boolean;
  /** The service's version, which has to pass on this node too. Undefined: Horizon did not start this process. */
  readonly version: string | undefined;
  readonly bounds: Bounds;
  readonly times: Times;
}

/** When a transition is decided, and the rules at that time. */
export interface Moment extends Rules {
  readonly nowMs: number;
}

/** How much worse a candidate may be than the last good one. */
export interface Bounds {
  /** Least share of a camera's frames per second in the baseline. */
  readonly frameRate: number;
  /** An inference may take this many times as long as in the baseline, and the slack on top. */
  readonly latencyFactor: number;
  readonly latencySlackMs: number;
  /** Deaths of the worker that are put down to chance. */
  readonly deaths: number;
  /** Broken connections and failed calls that are put down to chance. */
  readonly connectionFailures: number;
  /** Least share of the objects per minute in the baseline. Undefined: objects do not count. */
  readonly detections: number | undefined;
}

export interface Times {
  /** How long the cameras are watched, from the moment the pipeline runs. */
  readonly trialMs: number;
  /** How long a pipeline may take to run, a self-test to pass and Check to answer. */
  readonly readyMs: number;
  /** How long building a TensorRT engine may take; this time does not count towards readyMs. */
  readonly engineMs: number;
  /** How long an output may be FAILED: the keeper replaces the outlet faster than this. */
  readonly outputMs: number;
  /** A camera counts once it was live for this long, and is stalled if no frame leaves detection for this long. */
  readonly liveMs: number;
  /** How much of the past the baseline covers. */
  readonly baselineMs: number;
  /** From a failed trial without anything to roll back to until the next attempt. */
  readonly retryMs: number;
}

/**
 * A camera's own rate varies by a tenth, and the loss of half the frames must never pass: 0.7 lies between. An inference
 * that takes twice as long still leaves every frame time on most boards, more is felt; the slack is for networks of a few
 * milliseconds, whose time doubles by chance. One death or two broken connections can happen to anybody; a habit shows
 * within a minute. Scenes change from minute to minute: objects count only where somebody says so.
 */
export const DEFAULT_BOUNDS: Bounds = {
  frameRate: 0.7,
  latencyFactor: 2,
  latencySlackMs: 10,
  deaths: 1,
  connectionFailures: 2,
  detections: undefined,
};

/**
 * A minute shows a leak of buffers and the first reconnections, and is over before anybody waits for it. CUDA starts
 * within two minutes on the slowest board. A TensorRT engine takes up to half an hour on a Jetson Nano.
 */
export const DEFAULT_TIMES: Times = {
  trialMs: 60_000,
  readyMs: 120_000,
  engineMs: 3_600_000,
  outputMs: 10_000,
  liveMs: 10_000,
  baselineMs: 60_000,
  retryMs: 60_000,
};

/** The defaults, unless the settings say otherwise. A short trial judges cameras that were live for half of it. */
export function limitsFrom({
  timeMs: trialMs = DEFAULT_TIMES.trialMs,
  frameRate = DEFAULT_BOUNDS.frameRate,
  latencyFactor = DEFAULT_BOUNDS.latencyFactor,
  deaths = DEFAULT_BOUNDS.deaths,
  connectionFailures = DEFAULT_BOUNDS.connectionFailures,
  detections,
}: Partial<Conduct["trial"]>): Pick<Rules, "bounds" | "times"> {
  const shares = { frameRate, latencyFactor, detections };
  return {
    bounds: { ...DEFAULT_BOUNDS, ...shares, deaths, connectionFailures },
    times: { ...DEFAULT_TIMES, trialMs, liveMs: Math.min(DEFAULT_TIMES.liveMs, trialMs / 2) },
  };
}

const FAULT_CODES = [
  /** The worker refuses the specification. */
  "refused",
  /** The pipeline is FAILED. */
  "pipeline failed",
  /** The worker died more often than the bounds allow. */
  "worker died",
  /** Connections and calls failed more often than the bounds allow, or the sidecar never answered. */
  "no answer",
  /** The pipeline did not run, or the self-test did not pass, in time. */
  "not ready",
  "output failed",
  /** Cameras are live, and an output that shows them has no frame. */
  "no output",
  /** A camera sends, and none of its frames leaves detection. */
  "stalled",
  /** A camera that was live before now sends what cannot be decoded. */
  "not decoded",
  "frame rate",
  "latency",
  "detections",
  /** The agent ended again and again in the middle of the trial. */
  "interrupted",
  /** A newer version of the agent has recorded a code beyond these. */
  "unknown",
] as const;

/** Why a trial failed. `detail`: one line for a person, without secrets. */
export const faultSchema = z
  .object({ code: z.enum(FAULT_CODES).catch("unknown"), detail: z.string() })
  .readonly();

export type Fault = z.output<typeof faultSchema>;
