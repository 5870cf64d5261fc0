/** How one stage of a trial goes: its deadline, and what has gone wrong in it so far. Pure. */

import type { PreviousWorker, Problem } from "../sidecar/sidecar.js";
import type { State } from "../sidecar/state.js";
import type { Comparison } from "./candidate.js";
import { type Observation, outputName, type Sample, type TrialInput } from "./observation.js";
import type { Fault, Moment } from "./rules.js";
import { NODE_FAILURES } from "./self-test.js";

export interface Stage {
  readonly comparison: Comparison;
  readonly progress: Progress;
  readonly observation: Observation;
}

export interface Progress {
  readonly startedMs: number;
  /** By when the pipeline must run, the self-test pass, or Check answer. */
  readonly deadlineMs: number;
  /** Since when the pipeline runs. Undefined: it does not, or no longer. */
  readonly runningSinceMs: number | undefined;
  readonly deaths: number;
  /** Workers in a row that died before the agent could connect. */
  readonly startupDeaths: number;
  /** How the last worker died, in words. Empty: none did, or nobody knows. */
  readonly lastDeath: string;
  readonly connectionFailures: number;
  /** Outputs that are failing now, and since when. */
  readonly failingSince: ReadonlyMap<string, number>;
}

export function newProgress({ nowMs, times }: Moment): Progress {
  return {
    startedMs: nowMs,
    deadlineMs: nowMs + times.readyMs,
    runningSinceMs: undefined,
    deaths: 0,
    startupDeaths: 0,
    lastDeath: "",
    connectionFailures: 0,
    failingSince: new Map(),
  };
}

/** after: what is observed with this input. */
export function advance(stage: Stage, input: TrialInput, after: Observation, at: Moment): Progress {
  const { comparison, progress, observation: before } = stage;
  const { kind } = comparison;
  const next = {
    ...progress,
    deadlineMs: deadline(stage, input, after, at),
    runningSinceMs: after.running ? (progress.runningSinceMs ?? at.nowMs) : undefined,
  };
  switch (input.t) {
    case "connected": {
      const { previous } = input.peer;
      const isOther = before.instanceId !== undefined && before.instanceId !== after.instanceId;
      // A new version starts together with its sidecar: workers that died before the first connection died of it.
      const deaths =
        kind === "version" && before.instanceId === undefined
          ? Math.max(0, (previous?.failures ?? 0) - STARTUP_DEATHS)
          : Number(isOther);
      const lastDeath = deaths > 0 && previous !== undefined ? endOf(previous) : progress.lastDeath;
      return { ...next, deaths: progress.deaths + deaths, lastDeath, startupDeaths: 0 };
    }
    case "unreachable": {
      const { previous } = input;
      // A worker that was never given the new settings does not die of them.
      if (kind === "change" || previous === undefined) return next;
      return { ...next, startupDeaths: previous.failures, lastDeath: endOf(previous) };
    }
    case "disconnected":
      return { ...next, connectionFailures: progress.connectionFailures + 1 };
    case "update": {
      if (input.event.t !== "state") return next;
      const failing = input.event.state.outputs.filter(({ state }) => state.t === "failed");
      const since = (name: string) => progress.failingSince.get(name) ?? at.nowMs;
      const names = failing.map(outputName);
      return { ...next, failingSince: new Map(names.map((name) => [name, since(name)])) };
    }
    default:
      return next;
  }
}

/** A pipeline that stops running gets the whole time again, and so does one that waits for its TensorRT engine. */
function deadline(stage: Stage, input: TrialInput, after: Observation, at: Moment): number {
  const { comparison, progress } = stage;
  const { nowMs, times } = at;
  const renewed = nowMs + times.readyMs;
  if (progress.runningSinceMs !== undefined && !after.running) return renewed;
  // Without a sidecar nothing can run: a new version answers for that, new settings do not.
  if (input.t === "unreachable" && comparison.kind === "change") return renewed;
  if (!isBuildingEngine(input)) return progress.deadlineMs;
  return Math.max(progress.deadlineMs, Math.min(renewed, progress.startedMs + times.engineMs));
}

function isBuildingEngine(input: TrialInput): boolean {
  if (input.t !== "update") return false;
  const { event } = input;
  if (event.t !== "state" && event.t !== "pipeline") return false;
  const pipeline = event.t === "state" ? event.state.pipeline : event.pipeline;
  return pipeline.t === "loading" && pipeline.phase === "engine";
}

/**
 * Deaths at startup that are put down to chance, beyond those of a running worker: the version before may still hold the
 * GPU. With the keeper's pauses they are over within seconds.
 */
const STARTUP_DEATHS = 2;

/** Faults of a worker that keeps crashing, or whose connection keeps breaking. */
export function workerFaults({ progress }: Stage, { bounds }: Moment): readonly Fault[] {
  const { deaths, startupDeaths, lastDeath, connectionFailures } = progress;
  const faults: Fault[] = [];
  const how = lastDeath === "" ? "" : `, the last one ${lastDeath}`;
  if (deaths > bounds.deaths) {
    faults.push({ code: "worker died", detail: `the worker died ${deaths} times${how}` });
  } else if (startupDeaths > bounds.deaths + STARTUP_DEATHS) {
    const detail = `the worker died ${startupDeaths} times before it answered${how}`;
    faults.push({ code: "worker died", detail });
  }
  if (connectionFailures > bounds.connectionFailures) {
    const detail = `the connection to the sidecar failed ${connectionFailures} times`;
    faults.push({ code: "no answer", detail });
  }
  return faults;
}

/** Faults of a candidate's pipeline, or of its self-test's, that need no comparison. generation: its own. */
export function pipelineFaults(
  { comparison, progress, observation }: Stage,
  input: TrialInput,
  generation: string,
  { nowMs, times }: Moment,
): readonly Fault[] {
  const faults: Fault[] = [];
  if (input.t === "refused" && input.generation === generation) {
    faults.push({ code: "refused", detail: errorsIn(input.problems) });
  }
  if (input.t === "update" && input.event.t === "state") {
    const { state } = input.event;
    const isOurs = state.generation === generation;
    // Where one worker dies after the other, none of them lives to have an active generation.
    if (state.pipeline.t === "failed" && (isOurs || state.pipeline.reason === "crash loop")) {
      const { reason, detail } = state.pipeline;
      faults.push({ code: "pipeline failed", detail: `${reason}: ${detail}` });
    }
    if (isOurs) faults.push(...outputFaults(state, progress, comparison, nowMs - times.outputMs));
  }
  if (progress.runningSinceMs === undefined && nowMs >= progress.deadlineMs) {
    const seconds = Math.round((nowMs - progress.startedMs) / 1000);
    const detail = `the pipeline does not run after ${seconds} s`;
    const code = observation.instanceId === undefined ? "no answer" : "not ready";
    faults.push({ code, detail });
  }
  const stalled = stalledCamera(observation.meter.samples, times.liveMs);
  if (stalled !== undefined) {
    const detail = `camera ${stalled} sends, and no frame leaves detection`;
    faults.push({ code: "stalled", detail });
  }
  return faults;
}

/** Outputs that have been failing since before sinceMs. */
function outputFaults(
  { outputs }: State,
  { failingSince }: Progress,
  { kind, failingBefore }: Comparison,
  sinceMs: number,
): Fault[] {
  return outputs.flatMap((output): Fault[] => {
    const name = outputName(output);
    if (output.state.t !== "failed" || failingBefore.has(name)) return [];
    const { reason, detail } = output.state;
    if (kind === "version" && NODE_FAILURES.has(reason)) return [];
    if ((failingSince.get(name) ?? Infinity) > sinceMs) return [];
    return [{ code: "output failed", detail: `output ${name}: ${reason}: ${detail}` }];
  });
}

/** A camera of which no frame has left detection lately, although it sent frames all the time. */
function stalledCamera(samples: readonly Sample[], liveMs: number): string | undefined {
  const stalledMs = new Map<string, number>();
  for (const { ms, cameras } of samples) {
    for (const [id, { received, processed }] of cameras) {
      if (processed > 0) stalledMs.set(id, 0);
      else if (received > 0) stalledMs.set(id, (stalledMs.get(id) ?? 0) + ms);
    }
  }
  return [...stalledMs].find(([, ms]) => ms >= liveMs)?.[0];
}

/** The errors among the problems, in one line. */
export function errorsIn(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === "error");
  return errors.map(({ path, message }) => `${path}: ${message}`).join("; ") || "without a reason";
}

/** How a worker ended, and its last line. */
function endOf({ how, lastLines }: PreviousWorker): string {
  const line = lastLines.at(-1);
  return line === undefined ? how : `${how}: ${line}`;
}
