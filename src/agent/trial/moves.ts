/** The ways from one state of a trial to another. */

import type { Desired } from "../../common/settings/spec.js";
import type { Fault } from "./fault.js";
import type { Figures } from "./meter.js";
import type { Rules } from "./rules.js";
import { newRun } from "./run.js";
import { NOTHING_SEEN, type Seen } from "./seen.js";
import { selfTestOf } from "./selftest.js";
import { type Case, type OnTrial, type Trial, wanted } from "./trial.js";

export function watch(
  from: Trial,
  one: Case,
  selfTested: boolean,
  nowMs: number,
  rules: Rules,
): Extract<Trial, { t: "watching" }> {
  const run = newRun(nowMs, rules);
  return { t: "watching", case: one, selfTested, run, seen: afresh(from.seen) };
}

export function selfTest(
  from: Trial,
  one: Case,
  then: "cameras" | "verdict",
  nowMs: number,
  rules: Rules,
): Trial {
  const test = selfTestOf(one.candidate.desired);
  const run = newRun(nowMs, rules);
  return { t: "self-testing", case: one, test, then, run, seen: afresh(from.seen) };
}

/** What passes on a version that is new proves the version too. */
export function confirm(from: OnTrial, figures: Figures | undefined, { version }: Rules): Trial {
  const { candidate } = from.case;
  const seen = seenWith(from, candidate.desired);
  return { t: "confirmed", candidate, by: "trial", version, figures, seen };
}

export function refuse(
  from: Trial,
  one: Case,
  faults: readonly Fault[],
  nowMs: number,
  { times }: Rules,
): Extract<Trial, { t: "refused" }> {
  const instead = one.kind === "change" ? one.lastGood : undefined;
  const againMs = instead === undefined ? nowMs + times.retryMs : Infinity;
  const seen = seenWith(from, (instead ?? one.candidate).desired);
  return { t: "refused", case: one, faults, remembered: undefined, instead, againMs, seen };
}

/** What was seen counts for what is wanted from now on only if that is the same. */
export function seenWith(from: Trial, desired: Desired): Seen {
  return wanted(from)?.generation === desired.generation ? from.seen : afresh(from.seen);
}

export function afresh({ instanceId }: Seen): Seen {
  return { ...NOTHING_SEEN, instanceId };
}
