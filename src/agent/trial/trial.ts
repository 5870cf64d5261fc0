/**
 * The trial as a state machine without timers and effects, so that a test can simulate a thousand nodes with it. consider()
 * and step() return the next state; toApply(), toCheck() and dueMs() say what a state asks for. docs/trials.md draws it.
 */

import type { Desired } from "../../common/settings/spec.js";
import type { Candidate, Comparison } from "./candidate.js";
import {
  currentFigures,
  type Figures,
  figuresOf,
  hasInferred,
  NOTHING_OBSERVED,
  type Observation,
  observe,
  outputName,
  type TrialInput,
} from "./observation.js";
import {
  advance,
  errorsIn,
  newProgress,
  pipelineFaults,
  type Stage,
  workerFaults,
} from "./progress.js";
import type { FailedRevision, TrialRecord } from "./record.js";
import type { Fault, Moment } from "./rules.js";
import { missingInSelfTest, selfTestOf } from "./self-test.js";
import { judge } from "./verdict.js";

interface Observed {
  readonly observation: Observation;
}

/** The sidecar is asked whether it would run the candidate; something else stays active. */
interface Checking extends Stage {
  readonly t: "checking";
  readonly active: Desired;
}

/** Test patterns go through the candidate's whole pipeline. */
interface SelfTesting extends Stage {
  readonly t: "self-testing";
  readonly test: Desired;
  /** The state that follows. passed: the cameras were watched already, and none of them showed anything. */
  readonly then: "watching" | "passed";
}

/** The candidate runs with the cameras. */
interface Watching extends Stage {
  readonly t: "watching";
  readonly selfTested: boolean;
}

interface Passed extends Observed {
  readonly t: "passed";
  readonly candidate: Candidate;
  /** trial: just now. record: earlier. same: its specification is that of the last good one. off: untried. */
  readonly by: "trial" | "record" | "same" | "off";
  /** The version of the service that has passed with it. */
  readonly version: string | undefined;
  readonly figures: Figures | undefined;
}

interface Failed extends Observed {
  readonly t: "failed";
  readonly comparison: Comparison;
  readonly faults: readonly Fault[];
  /** It failed in an earlier trial, and was not tried again. Undefined: it failed just now. */
  readonly failedBefore: FailedRevision | undefined;
  /** The last good one, which is active again. Undefined: there is none, and the candidate runs as well as it can. */
  readonly fallback: Candidate | undefined;
  /** When the next attempt is due. Infinity: not before the candidate changes. */
  readonly retryAtMs: number;
}

/** none: nothing was considered yet. */
export type Trial =
  | (Observed & { readonly t: "none" })
  | Checking
  | SelfTesting
  | Watching
  | Passed
  | Failed;

export const NO_TRIAL: Trial = { t: "none", observation: NOTHING_OBSERVED };

/** What the reconciler is to apply. Undefined: nothing yet. */
export function toApply(trial: Trial): Desired | undefined {
  if (trial.t === "checking") return trial.active;
  return trial.t === "self-testing" ? trial.test : activeCandidate(trial)?.desired;
}

/** What the reconciler is to ask the sidecar about. Undefined: nothing. */
export function toCheck(trial: Trial): Desired | undefined {
  return trial.t === "checking" ? trial.comparison.candidate.desired : undefined;
}

/** When step() is due with the time alone, if there is no other input. */
export function dueMs(trial: Trial): number {
  if (trial.t === "failed") return trial.retryAtMs;
  // A pipeline that runs is watched until a state comes after its time: the verdict needs a new state.
  const isOver = trial.t === "watching" && trial.progress.runningSinceMs !== undefined;
  return isOnTrial(trial) && !isOver ? trial.progress.deadlineMs : Infinity;
}

export function isOnTrial(trial: Trial): trial is Checking | SelfTesting | Watching {
  return "progress" in trial;
}

export function candidateOf(trial: Trial): Candidate | undefined {
  return trial.t === "passed" ? trial.candidate : comparisonOf(trial)?.candidate;
}

/** The candidate that runs now, whether it has passed or not. Undefined: none does yet. */
export function activeCandidate(trial: Trial): Candidate | undefined {
  if (trial.t === "checking") return trial.comparison.lastGood;
  return (trial.t === "failed" ? trial.fallback : undefined) ?? candidateOf(trial);
}

function comparisonOf(trial: Trial): Comparison | undefined {
  return trial.t === "none" || trial.t === "passed" ? undefined : trial.comparison;
}

/** Starts in the middle of a trial after which the candidate has failed. */
const INTERRUPTIONS = 5;

/**
 * This candidate is to run from now on. lastGood: the record's, rendered from the current settings and secrets;
 * undefined: there is none, or it cannot be rendered any more.
 */
export function consider(
  trial: Trial,
  candidate: Candidate,
  lastGood: Candidate | undefined,
  record: TrialRecord,
  at: Moment,
): Trial {
  if (!at.on) return pass(trial, candidate, "off");
  const versionFailed =
    comparisonOf(trial)?.versionFailed === true ||
    (trial.t === "failed" && trial.comparison.kind === "version");
  const { version } = at;
  const isNewVersion =
    version !== undefined && !record.passedVersions.includes(version) && !versionFailed;
  // One thing at a time: a new version is tried with what ran well under the version before.
  const tried = isNewVersion ? (lastGood ?? candidate) : candidate;
  const { revision } = tried;
  if (candidateOf(trial)?.revision === revision) return rerender(trial, tried, lastGood);
  if (!isNewVersion && lastGood?.revision === revision) return pass(trial, candidate, "record");
  const comparison: Comparison = {
    kind: isNewVersion ? "version" : "change",
    candidate: tried,
    lastGood,
    ...baselineOf(trial, record, at),
    versionFailed,
  };
  const starts = record.ongoing?.revision === revision ? record.ongoing.starts : 0;
  if (starts >= INTERRUPTIONS) {
    const detail = `the agent ended ${starts} times in the middle of the trial`;
    return fail(trial, comparison, [{ code: "interrupted", detail }], at);
  }
  if (isNewVersion) return selfTest(trial, comparison, "watching", at);
  if (lastGood === undefined) return watch(trial, comparison, false, at);
  const failedBefore = record.failedRevisions.find((one) => one.revision === revision);
  if (failedBefore !== undefined) {
    return { ...fail(trial, comparison, failedBefore.faults, at), failedBefore };
  }
  if (lastGood.desired.generation === candidate.desired.generation) {
    return pass(trial, candidate, "same", comparison.baseline);
  }
  const { observation } = trial;
  const active = observation.running ? toApply(trial) : undefined;
  if (active === undefined) return watch(trial, comparison, false, at);
  return { t: "checking", comparison, active, progress: newProgress(at), observation };
}

/** The state after an input. */
export function step(before: Trial, input: TrialInput, at: Moment): Trial {
  const { nowMs, times, version } = at;
  const generation = toApply(before)?.generation ?? "";
  const keepMs = Math.max(times.baselineMs, times.trialMs);
  const observation = observe(before.observation, input, generation, nowMs, keepMs);
  if (!isOnTrial(before)) {
    const trial = { ...before, observation };
    const isDue = trial.t === "failed" && nowMs >= trial.retryAtMs;
    return isDue ? watch(trial, trial.comparison, false, at) : trial;
  }
  const progress = advance(before, input, observation, at);
  const trial = { ...before, progress, observation };
  const faults = [
    ...workerFaults(trial, at),
    ...(trial.t === "checking" ? [] : pipelineFaults(trial, input, generation, at)),
  ];
  if (faults.length > 0) return end(trial, faults, at);
  if (input.t === "taken back") {
    return end(trial, [{ code: "taken back", detail: "somebody has taken it back" }], at);
  }
  const { comparison } = trial;
  const { candidate, failingBefore } = comparison;
  // Nobody has seen a candidate whose pipeline does not run with the cameras yet: its TensorRT engine may still be built.
  const isSeen = trial.t === "watching" && progress.runningSinceMs !== undefined;
  if (input.t === "confirmed" && isSeen) {
    return pass(trial, candidate, "trial", figuresOf(observation.meter), version);
  }
  const isLate = nowMs >= progress.deadlineMs;
  const after = `after ${Math.round((nowMs - progress.startedMs) / 1000)} s`;
  switch (trial.t) {
    case "checking": {
      if (input.t === "checked" && input.generation === candidate.desired.generation) {
        const isRefused = input.problems.some(({ severity }) => severity === "error");
        return isRefused
          ? end(trial, [{ code: "refused", detail: errorsIn(input.problems) }], at)
          : watch(trial, comparison, false, at);
      }
      const detail = `the sidecar has not answered Check ${after}`;
      return isLate ? end(trial, [{ code: "no answer", detail }], at) : trial;
    }
    case "self-testing": {
      const missing = missingInSelfTest(trial.test, observation, failingBefore);
      if (missing === undefined) {
        return trial.then === "watching"
          ? watch(trial, comparison, true, at)
          : pass(trial, candidate, "trial", undefined, version);
      }
      const detail = `${missing} ${after}`;
      return isLate ? end(trial, [{ code: "not ready", detail }], at) : trial;
    }
    case "watching": {
      const { runningSinceMs = Infinity } = progress;
      const isState = input.t === "update" && input.event.t === "state";
      if (!isState || nowMs < runningSinceMs + times.trialMs) return trial;
      const found = judge(trial, at);
      if (found.length > 0) return end(trial, found, at);
      // Where no camera has shown anything, nobody misses it while the test pattern runs.
      return trial.selfTested || hasInferred(observation)
        ? pass(trial, candidate, "trial", figuresOf(observation.meter), version)
        : selfTest(trial, comparison, "passed", at);
    }
    default:
      return trial satisfies never;
  }
}

function watch(from: Trial, comparison: Comparison, selfTested: boolean, at: Moment): Watching {
  const progress = newProgress(at);
  return { t: "watching", comparison, selfTested, progress, observation: reset(from) };
}

function selfTest(
  from: Trial,
  comparison: Comparison,
  then: SelfTesting["then"],
  at: Moment,
): SelfTesting {
  const test = selfTestOf(comparison.candidate.desired);
  const progress = newProgress(at);
  return { t: "self-testing", comparison, test, then, progress, observation: reset(from) };
}

function pass(
  from: Trial,
  candidate: Candidate,
  by: Passed["by"],
  figures?: Figures,
  version?: string,
): Passed {
  const observation = observationOf(from, candidate.desired);
  return { t: "passed", candidate, by, version, figures, observation };
}

function end(from: Trial & Stage, found: readonly Fault[], at: Moment): Failed {
  const prefix = from.t === "self-testing" ? "self-test: " : "";
  const faults = found.map(({ code, detail }) => ({ code, detail: prefix + detail }));
  return fail(from, from.comparison, faults, at);
}

function fail(
  from: Trial,
  comparison: Comparison,
  faults: readonly Fault[],
  { nowMs, times }: Moment,
): Failed {
  const { kind, candidate, lastGood } = comparison;
  // Horizon, not the agent, goes back to another version.
  const fallback = kind === "change" ? lastGood : undefined;
  const retryAtMs = fallback === undefined ? nowMs + times.retryMs : Infinity;
  const observation = observationOf(from, (fallback ?? candidate).desired);
  const failedBefore = undefined;
  return { t: "failed", comparison, faults, failedBefore, fallback, retryAtMs, observation };
}

/** The same revision with other hours or secrets. */
function rerender(trial: Trial, candidate: Candidate, lastGood: Candidate | undefined): Trial {
  if (trial.t === "none") return trial;
  if (trial.t === "passed") return { ...trial, candidate };
  const comparison = { ...trial.comparison, candidate, lastGood };
  if (trial.t === "failed") return { ...trial, comparison, fallback: trial.fallback && lastGood };
  if (trial.t !== "self-testing") return { ...trial, comparison };
  return { ...trial, comparison, test: selfTestOf(candidate.desired) };
}

/** What the next candidate is compared with. */
function baselineOf(
  trial: Trial,
  record: TrialRecord,
  { times }: Moment,
): Pick<Comparison, "baseline" | "failingBefore"> {
  const recorded = record.lastGood?.figures;
  if (trial.t === "none") return { baseline: recorded, failingBefore: new Set() };
  if (isOnTrial(trial)) {
    const { baseline, failingBefore } = trial.comparison;
    return { baseline, failingBefore };
  }
  const isGood = trial.t === "passed" || trial.fallback !== undefined;
  const current = isGood ? currentFigures(trial.observation, times.liveMs) : undefined;
  const failing = trial.observation.outputs.filter(({ state }) => state.t === "failed");
  return { baseline: current ?? recorded, failingBefore: new Set(failing.map(outputName)) };
}

/** What was observed still counts if the same generation is to run on. */
function observationOf(from: Trial, { generation }: Desired): Observation {
  return toApply(from)?.generation === generation ? from.observation : reset(from);
}

function reset({ observation: { instanceId } }: Trial): Observation {
  return { ...NOTHING_OBSERVED, instanceId };
}
