/**
 * The trial as a machine without timers and effects, so that a thousand nodes can be simulated with it: consider() and
 * step() give the next state, and what is to be done follows from the state.
 */

import type { Desired } from "../../common/settings/spec.js";
import type { Candidate } from "./candidate.js";
import type { Fault } from "./fault.js";
import type { Refusal } from "./memory.js";
import { type Figures, figuresOf } from "./meter.js";
import type { Run } from "./run.js";
import { NOTHING_SEEN, type Seen } from "./seen.js";

/** Who is on trial, and what for. */
export interface Case {
  /** service: this version of the service is new on this node, sidecar and all. change: settings or a model are. */
  readonly kind: "change" | "service";
  readonly candidate: Candidate;
  /** What is put back. Undefined: nothing has ever passed on this node. */
  readonly lastGood: Candidate | undefined;
  /** What the last good one did; undefined: not known. */
  readonly before: Figures | undefined;
  /** Outputs that failed before. */
  readonly troubled: ReadonlySet<string>;
  /** This version of the service has failed its trial in this process, and runs on for want of a better one. */
  readonly versionFailed: boolean;
}

export type Trial =
  /** Nothing was considered yet. */
  | { readonly t: "none"; readonly seen: Seen }
  /** The worker is asked whether it would run; something else stays in force. */
  | {
      readonly t: "checking";
      readonly case: Case;
      readonly meanwhile: Desired;
      readonly run: Run;
      readonly seen: Seen;
    }
  /** A test picture goes through the whole pipeline. */
  | {
      readonly t: "self-testing";
      readonly case: Case;
      readonly test: Desired;
      /** What follows when it has passed: the cameras, or, where these show nothing, the verdict. */
      readonly then: "cameras" | "verdict";
      readonly run: Run;
      readonly seen: Seen;
    }
  /** In force, with the cameras. */
  | {
      readonly t: "watching";
      readonly case: Case;
      readonly selfTested: boolean;
      readonly run: Run;
      readonly seen: Seen;
    }
  | {
      readonly t: "confirmed";
      readonly candidate: Candidate;
      /** trial: just passed. memory: it passed before. same: makes the same specification as one that passed. off: untried. */
      readonly by: "trial" | "memory" | "same" | "off";
      /** The version of the service has passed with it. */
      readonly version: string | undefined;
      readonly figures: Figures | undefined;
      readonly seen: Seen;
    }
  | {
      readonly t: "refused";
      readonly case: Case;
      readonly faults: readonly Fault[];
      /** Undefined: just failed. Else: it failed before, and was not tried again. */
      readonly remembered: Refusal | undefined;
      /** The last good one, which is in force again. Undefined: there is none, and the candidate runs as it can. */
      readonly instead: Candidate | undefined;
      /** When it is tried again; Infinity: not before it changes. */
      readonly againMs: number;
      readonly seen: Seen;
    };

export const NO_TRIAL: Trial = { t: "none", seen: NOTHING_SEEN };

export type OnTrial = Extract<Trial, { t: "checking" | "self-testing" | "watching" }>;

/** What the reconciler is to want. Undefined: nothing yet. */
export function wanted(trial: Trial): Desired | undefined {
  switch (trial.t) {
    case "none":
      return undefined;
    case "checking":
      return trial.meanwhile;
    case "self-testing":
      return trial.test;
    case "watching":
      return trial.case.candidate.desired;
    case "confirmed":
      return trial.candidate.desired;
    case "refused":
      return (trial.instead ?? trial.case.candidate).desired;
    default:
      return trial satisfies never;
  }
}

/** What the sidecar is to be asked about. */
export function toCheck(trial: Trial): Desired | undefined {
  return trial.t === "checking" ? trial.case.candidate.desired : undefined;
}

/** When step() wants to hear of the time again, if nothing else happens. */
export function dueMs(trial: Trial): number {
  switch (trial.t) {
    case "checking":
    case "self-testing":
      return trial.run.readyByMs;
    case "watching":
      // Once it runs, states come, and the verdict is made of one of them.
      return trial.run.upMs === undefined ? trial.run.readyByMs : Infinity;
    case "refused":
      return trial.againMs;
    case "none":
    case "confirmed":
      return Infinity;
    default:
      return trial satisfies never;
  }
}

export function candidateOf(trial: Trial): Candidate | undefined {
  return trial.t === "confirmed" ? trial.candidate : caseOf(trial)?.candidate;
}

export function caseOf(trial: Trial): Case | undefined {
  return trial.t === "none" || trial.t === "confirmed" ? undefined : trial.case;
}

/** What runs now does so much; undefined: not for long enough to tell. */
export function goodFigures({ seen }: Trial, liveMs: number): Figures | undefined {
  const figures = figuresOf(seen.meter);
  return Object.values(figures.cameras).some((camera) => camera.liveMs >= liveMs)
    ? figures
    : undefined;
}
