/** How long a trial lasts, what it allows, and the names of the faults that end it. */

import { z } from "zod";
import type { RuntimeOptions } from "../../common/settings/desired-state.js";

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

/**
 * How much worse a candidate may be than the last good one. A camera's own rate varies by a tenth, and the loss of half the
 * frames must never pass: 0.7 lies between. An inference that takes twice as long still leaves every frame time on most
 * boards, more is felt; the slack is for networks of a few milliseconds, whose time doubles by chance. One death or two
 * broken connections can happen to anybody; a habit shows within a minute.
 */
export const DEFAULT_BOUNDS = {
  /** Least share of a camera's frames per second in the baseline. */
  frameRate: 0.7,
  /** An inference may take this many times as long as in the baseline, and the slack on top. */
  latencyFactor: 2,
  latencySlackMs: 10,
  /** Deaths of the worker that are put down to chance. */
  deaths: 1,
  /** Broken connections and failed calls that are put down to chance. */
  connectionFailures: 2,
  /** Least share of the objects per minute in the baseline. By default they do not count: scenes change. */
  detections: undefined as number | undefined,
};

export type Bounds = Readonly<typeof DEFAULT_BOUNDS>;

export const DEFAULT_TIMES = {
  /**
   * How long the cameras are watched, from the moment the pipeline runs. A minute shows a leak of buffers and the first
   * reconnections, and is over before anybody waits for it.
   */
  trialMs: 60_000,
  /** How long a pipeline may take to run, a self-test to pass and Check to answer. CUDA starts within two minutes anywhere. */
  readyMs: 120_000,
  /** How long building a TensorRT engine may take on top of that: it takes up to half an hour on a Jetson Nano. */
  engineMs: 3_600_000,
  /** How long an output may be FAILED: the keeper replaces the outlet faster than this. */
  outputMs: 10_000,
  /** A camera counts once it was live for this long, and is stalled if no frame leaves detection for this long. */
  liveMs: 10_000,
  /** How much of the past the baseline covers. */
  baselineMs: 60_000,
  /** From a failed trial without anything to roll back to until the next attempt. */
  retryMs: 60_000,
};

export type Times = Readonly<typeof DEFAULT_TIMES>;

/** The defaults, unless the settings say otherwise. A short trial judges cameras that were live for half of it. */
export function limitsFrom({
  timeMs: trialMs = DEFAULT_TIMES.trialMs,
  frameRate = DEFAULT_BOUNDS.frameRate,
  latencyFactor = DEFAULT_BOUNDS.latencyFactor,
  deaths = DEFAULT_BOUNDS.deaths,
  connectionFailures = DEFAULT_BOUNDS.connectionFailures,
  detections,
}: Partial<RuntimeOptions["trial"]>): Pick<Rules, "bounds" | "times"> {
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
  /** A person has taken it back. */
  "taken back",
  /** A newer version of the agent has recorded a code beyond these. */
  "unknown",
] as const;

/** Why a trial failed. `detail`: one line for a person, without secrets. */
export const faultSchema = z
  .object({ code: z.enum(FAULT_CODES).catch("unknown"), detail: z.string() })
  .readonly();

export type Fault = z.output<typeof faultSchema>;
