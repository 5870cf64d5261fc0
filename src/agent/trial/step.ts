/** What follows for a trial from a fact, or from the time alone. Pure. */

import type { Fault } from "./fault.js";
import { confirm, refuse, watch } from "./moves.js";
import type { Rules } from "./rules.js";
import { pipelineFaults, problemsText, ran, type Terms, workerFaults } from "./run.js";
import { type Fact, see } from "./seen.js";
import { missingInSelfTest } from "./selftest.js";
import { type OnTrial, type Trial, wanted } from "./trial.js";
import { verdict } from "./verdict.js";

/** What follows from a fact. */
export function step(before: Trial, fact: Fact, nowMs: number, rules: Rules): Trial {
  const generation = wanted(before)?.generation ?? "";
  const keepMs = Math.max(rules.times.beforeMs, rules.times.trialMs);
  const seen = see(before.seen, fact, generation, nowMs, keepMs);
  switch (before.t) {
    case "none":
    case "confirmed":
      return { ...before, seen };
    case "refused": {
      const trial = { ...before, seen };
      return nowMs < trial.againMs ? trial : watch(trial, trial.case, false, nowMs, rules);
    }
    case "checking":
    case "self-testing":
    case "watching": {
      const terms = termsOf(before, generation);
      const run = ran(before.run, fact, [before.seen, seen], terms, nowMs, rules);
      const trial = { ...before, run, seen };
      const faults = [
        ...workerFaults(run, rules),
        ...(trial.t === "checking" ? [] : pipelineFaults(run, fact, seen, terms, nowMs, rules)),
      ];
      if (faults.length > 0) return fail(trial, faults, nowMs, rules);
      return next(trial, fact, nowMs, rules);
    }
    default:
      return before satisfies never;
  }
}

function next(trial: OnTrial, fact: Fact, nowMs: number, rules: Rules): Trial {
  const end = (...faults: Fault[]) => fail(trial, faults, nowMs, rules);
  const isLate = nowMs >= trial.run.readyByMs;
  const afterSeconds = `after ${Math.round((nowMs - trial.run.startedMs) / 1000)} s`;
  switch (trial.t) {
    case "checking": {
      const { generation } = trial.case.candidate.desired;
      if (fact.t === "checked" && fact.generation === generation) {
        return fact.problems.some(({ severity }) => severity === "error")
          ? end({ code: "refused", detail: problemsText(fact.problems) })
          : watch(trial, trial.case, false, nowMs, rules);
      }
      const detail = `the sidecar has not said ${afterSeconds} whether it would run`;
      return isLate ? end({ code: "no answer", detail }) : trial;
    }
    case "self-testing": {
      const missing = missingInSelfTest(trial.test, trial.seen, trial.case.troubled);
      if (missing === undefined) {
        return trial.then === "cameras"
          ? watch(trial, trial.case, true, nowMs, rules)
          : confirm(trial, undefined, rules);
      }
      return isLate ? end({ code: "not ready", detail: `${missing} ${afterSeconds}` }) : trial;
    }
    case "watching": {
      const { upMs } = trial.run;
      // The verdict is made of a fresh state.
      const isFresh = fact.t === "update" && fact.event.t === "state";
      if (upMs === undefined || !isFresh || nowMs < upMs + rules.times.trialMs) return trial;
      return verdict(trial, nowMs, rules);
    }
    default:
      return trial satisfies never;
  }
}

function fail(trial: OnTrial, found: readonly Fault[], nowMs: number, rules: Rules): Trial {
  const faults =
    trial.t === "self-testing"
      ? found.map(({ code, detail }) => ({ code, detail: `self-test: ${detail}` }))
      : found;
  return refuse(trial, trial.case, faults, nowMs, rules);
}

function termsOf(trial: OnTrial, generation: string): Terms {
  const { kind, troubled } = trial.case;
  return { kind, generation, troubled };
}
