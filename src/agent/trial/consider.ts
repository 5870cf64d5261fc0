/** What becomes of something that is to run from now on: is it tried, and how. Pure. */

import type { Candidate } from "./candidate.js";
import type { Memory } from "./memory.js";
import { refuse, seenWith, selfTest, watch } from "./moves.js";
import type { Rules } from "./rules.js";
import { newRun } from "./run.js";
import { outputName } from "./seen.js";
import { selfTestOf } from "./selftest.js";
import { type Case, candidateOf, caseOf, goodFigures, type Trial, wanted } from "./trial.js";

/** Starts in the middle of a trial after which the process has to answer for them. */
const INTERRUPTIONS = 5;

/**
 * Something is to run from now on. lastGood: what the memory's last good content means today; undefined: there is none,
 * or nothing can be made of it any more. What is named as before goes straight through.
 */
export function consider(
  trial: Trial,
  candidate: Candidate,
  lastGood: Candidate | undefined,
  memory: Memory,
  nowMs: number,
  rules: Rules,
): Trial {
  const undecided = { version: undefined, figures: undefined };
  if (!rules.on) {
    const seen = seenWith(trial, candidate.desired);
    return { t: "confirmed", candidate, by: "off", ...undecided, seen };
  }
  const current = caseOf(trial);
  const versionFailed =
    current?.versionFailed === true || (trial.t === "refused" && trial.case.kind === "service");
  const isNewVersion =
    rules.version !== undefined && !memory.confirmed.includes(rules.version) && !versionFailed;
  // One thing at a time: a new version proves itself with what ran well under the last one.
  const subject = isNewVersion ? (lastGood ?? candidate) : candidate;
  if (candidateOf(trial)?.subject === subject.subject) return renewed(trial, subject, lastGood);
  if (!isNewVersion && lastGood?.subject === candidate.subject) {
    const seen = seenWith(trial, candidate.desired);
    return { t: "confirmed", candidate, by: "memory", ...undecided, seen };
  }
  const begun: Case = {
    kind: isNewVersion ? "service" : "change",
    candidate: subject,
    lastGood,
    ...baseline(trial, memory, rules),
    versionFailed,
  };
  const starts = memory.trying?.subject === subject.subject ? memory.trying.starts : 0;
  if (starts >= INTERRUPTIONS) {
    const detail = `the agent ended ${starts} times in the middle of the trial`;
    return refuse(trial, begun, [{ code: "interrupted", detail }], nowMs, rules);
  }
  if (isNewVersion) return selfTest(trial, begun, "cameras", nowMs, rules);
  if (lastGood === undefined) return watch(trial, begun, false, nowMs, rules);
  const refusal = memory.refused.find((one) => one.subject === candidate.subject);
  if (refusal !== undefined) {
    return { ...refuse(trial, begun, refusal.faults, nowMs, rules), remembered: refusal };
  }
  if (lastGood.desired.generation === candidate.desired.generation) {
    const { before: figures } = begun;
    const seen = seenWith(trial, candidate.desired);
    return { t: "confirmed", candidate, by: "same", version: undefined, figures, seen };
  }
  const { seen } = trial;
  const meanwhile = seen.up ? wanted(trial) : undefined;
  return meanwhile === undefined
    ? watch(trial, begun, false, nowMs, rules)
    : { t: "checking", case: begun, meanwhile, run: newRun(nowMs, rules), seen };
}

/** The same subjects, made anew: hours or secrets have changed. */
function renewed(trial: Trial, candidate: Candidate, lastGood: Candidate | undefined): Trial {
  switch (trial.t) {
    case "none":
      return trial;
    case "confirmed":
      return { ...trial, candidate };
    default: {
      const one = { ...trial.case, candidate, lastGood };
      switch (trial.t) {
        case "checking":
        case "watching":
          return { ...trial, case: one };
        case "self-testing":
          return { ...trial, case: one, test: selfTestOf(candidate.desired) };
        case "refused":
          return {
            ...trial,
            case: one,
            instead: trial.instead === undefined ? undefined : lastGood,
          };
        default:
          return trial satisfies never;
      }
    }
  }
}

/** What a successor of this trial is compared with. */
function baseline(
  trial: Trial,
  memory: Memory,
  { times }: Rules,
): Pick<Case, "before" | "troubled"> {
  const stored = memory.lastGood?.figures;
  switch (trial.t) {
    case "checking":
    case "self-testing":
    case "watching": {
      const { before, troubled } = trial.case;
      return { before, troubled };
    }
    case "none":
      return { before: stored, troubled: new Set() };
    case "confirmed":
    case "refused": {
      const isGood = trial.t === "confirmed" || trial.instead !== undefined;
      const now = goodFigures(trial, times.liveMs);
      const failing = trial.seen.outputs.filter(({ state }) => state.t === "failed");
      const troubled = new Set(failing.map(outputName));
      return { before: isGood && now !== undefined ? now : stored, troubled };
    }
    default:
      return trial satisfies never;
  }
}
