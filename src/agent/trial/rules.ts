/** How long a trial lasts and what it allows. */

export interface Rules {
  /** False: whatever is considered is in force, and nothing is judged. */
  readonly on: boolean;
  /** The service's version, which is to prove itself on this node too; undefined: this process is no service. */
  readonly version: string | undefined;
  readonly bounds: Bounds;
  readonly times: Times;
}

/** What a candidate may be worse by than what it replaces. */
export interface Bounds {
  /** Least share of a camera's frames a second before. */
  readonly frameRate: number;
  /** The time of an inference may be so many times what it was, and this much more. */
  readonly latency: { readonly factor: number; readonly slackMs: number };
  /** Deaths of the worker that are taken for chance. */
  readonly deaths: number;
  /** Connections that break, or calls that come to nothing, which are taken for chance. */
  readonly stumbles: number;
  /** Least share of the objects a minute before; undefined: what is seen does not count. */
  readonly detections: number | undefined;
}

export interface Times {
  /** How long the cameras are watched, from the moment the pipeline runs. */
  readonly trialMs: number;
  /** How long a pipeline may take to run, a self-test to pass and Check to answer. */
  readonly readyMs: number;
  /** How long the inference engine may be built, which does not count as taking long. */
  readonly engineMs: number;
  /** How long an output may say FAILED: the process that serves it is replaced faster than this. */
  readonly outputMs: number;
  /** A camera counts that was live for so long; and one that sends for so long while nothing comes out is stalled. */
  readonly liveMs: number;
  /** How far back "before" reaches. */
  readonly beforeMs: number;
  /** From a trial that failed, with nothing to put in its place, until the same is tried again. */
  readonly retryMs: number;
}

/**
 * A camera's own rate varies by a tenth, and a lost half must never pass: 0.7 lies between. An inference that takes
 * twice as long still leaves every frame time on most boards, more is felt; the slack is for networks of a few
 * milliseconds, whose time doubles by chance. One death or two broken connections happen without anybody's fault,
 * habits show within a minute. Scenes change from minute to minute: what is seen counts only where somebody says so.
 */
export const DEFAULT_BOUNDS: Bounds = {
  frameRate: 0.7,
  latency: { factor: 2, slackMs: 10 },
  deaths: 1,
  stumbles: 2,
  detections: undefined,
};

/**
 * A minute shows a leak of buffers and the first reconnections, and is over before anybody waits for it. Two minutes
 * hold the start of CUDA on the slowest board. An engine takes up to half an hour on a Jetson Nano.
 */
export const DEFAULT_TIMES: Times = {
  trialMs: 60_000,
  readyMs: 120_000,
  engineMs: 3_600_000,
  outputMs: 10_000,
  liveMs: 10_000,
  beforeMs: 60_000,
  retryMs: 60_000,
};

/** What settings say about trials. What is left out is as above. */
export interface TrialSettings {
  readonly timeMs?: number | undefined;
  readonly frameRate?: number | undefined;
  readonly latencyFactor?: number | undefined;
  readonly deaths?: number | undefined;
  readonly stumbles?: number | undefined;
  readonly detections?: number | undefined;
}

export function boundsOf(settings: TrialSettings): Bounds {
  const { latency, frameRate, deaths, stumbles } = DEFAULT_BOUNDS;
  return {
    frameRate: settings.frameRate ?? frameRate,
    latency: { ...latency, factor: settings.latencyFactor ?? latency.factor },
    deaths: settings.deaths ?? deaths,
    stumbles: settings.stumbles ?? stumbles,
    detections: settings.detections,
  };
}

/** A short trial is judged by cameras that were live for half of it. */
export function timesOf({ timeMs = DEFAULT_TIMES.trialMs }: TrialSettings): Times {
  const liveMs = Math.min(DEFAULT_TIMES.liveMs, timeMs / 2);
  return { ...DEFAULT_TIMES, trialMs: timeMs, liveMs };
}
