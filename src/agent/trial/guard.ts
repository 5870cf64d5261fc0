/**
 * Stands between the desired state and the reconciler: what has not passed its trial runs on trial, and what fails it
 * gives way to the last good one.
 */

import { isDeepStrictEqual } from "node:util";
import type { Desired } from "../../common/settings/spec.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import type { Candidate } from "./candidate.js";
import { consider } from "./consider.js";
import type { TrialEvent } from "./events.js";
import { type Failure, failed, measuredAgain, passed, saidAgain, tried } from "./memory.js";
import type { Bounds, Rules, Times } from "./rules.js";
import type { Fact } from "./seen.js";
import { decideAfterTrial, type Service } from "./service-version.js";
import { step } from "./step.js";
import type { TrialStore } from "./store.js";
import { candidateOf, dueMs, goodFigures, NO_TRIAL, type Trial, toCheck, wanted } from "./trial.js";

export interface GuardOptions {
  readonly service: Service;
  readonly bounds: Bounds;
  readonly times: Times;
  readonly store: TrialStore;
  readonly clock: Clock;
  /** Milliseconds since 1970, for what is remembered across restarts. May jump. */
  readonly wallClock: () => number;
  /** The reconciler's. */
  readonly want: (desired: Desired) => void;
  /** The reconciler's. */
  readonly check: (desired: Desired | undefined) => void;
  /** The version of the service is to fail on purpose, and it is remembered that it does. */
  readonly fail: (failure: Failure) => void;
  /** Must not throw. */
  readonly trace: (event: TrialEvent) => void;
}

/** How often it is noted what the last good one does: what a successor in another process is compared with. */
const NOTE_MS = 600_000;

export class Guard {
  readonly #options: GuardOptions;
  #rules: Rules;
  readonly #wakeup = new Wakeup();
  #trial: Trial = NO_TRIAL;
  /** What was considered last. */
  #latest: { readonly candidate: Candidate; readonly lastGood: Candidate | undefined } | undefined;
  #notedMs: number;

  constructor(options: GuardOptions) {
    const { service, bounds, times } = options;
    const version = service.agreementId === undefined ? undefined : service.version;
    this.#options = options;
    this.#rules = { on: service.on, version, bounds, times };
    this.#notedMs = options.clock.now();
  }

  /** From now on, a trial that is under way included. */
  judgeBy(bounds: Bounds, times: Times): void {
    this.#rules = { ...this.#rules, bounds, times };
  }

  /** How things stand. */
  get trial(): Trial {
    return this.#trial;
  }

  /**
   * This is to run from now on. lastGood: made of store.memory.lastGood.content with today's hours and secrets, under
   * this version of the service; undefined: there is none, or nothing can be made of it any more.
   */
  consider(candidate: Candidate, lastGood: Candidate | undefined): void {
    const { store, clock } = this.#options;
    this.#latest = { candidate, lastGood };
    this.#become(
      consider(this.#trial, candidate, lastGood, store.memory, clock.now(), this.#rules),
    );
    this.#keepContent();
  }

  /** Everything that the reconciler tells. */
  heard(event: ReconcilerEvent): void {
    this.#step(event);
    this.#note();
  }

  /** Keeps the times of trials until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const untilMs = dueMs(this.#trial);
      await this.#wakeup.wait(clock, untilMs, signal);
      if (!signal.aborted && clock.now() >= untilMs) this.#step({ t: "time" });
    }
  }

  #step(fact: Fact): void {
    this.#become(step(this.#trial, fact, this.#options.clock.now(), this.#rules));
  }

  /** The one place where the trial changes. */
  #become(after: Trial): void {
    const before = this.#trial;
    const { want, check, trace } = this.#options;
    this.#trial = after;
    const isNews =
      before.t !== after.t || candidateOf(before)?.subject !== candidateOf(after)?.subject;
    // Remembered first: what is wanted may be the end of this process.
    const durable = !isNews || this.#remember(before, after);
    const desired = wanted(after);
    if (desired !== undefined && desired !== wanted(before)) want(desired);
    if (toCheck(after) !== toCheck(before)) check(toCheck(after));
    this.#wakeup.notify();
    if (!isNews) return;
    trace({ t: "trial", trial: after });
    this.#conclude(after, durable);
  }

  /** True: durably. */
  #remember(before: Trial, after: Trial): boolean {
    const { store, wallClock } = this.#options;
    const { memory } = store;
    switch (after.t) {
      case "checking":
      case "self-testing":
      case "watching": {
        const { subject } = after.case.candidate;
        const goesOn = isOnTrial(before) && candidateOf(before)?.subject === subject;
        return goesOn || store.keep(tried(memory, subject));
      }
      case "confirmed": {
        if (after.by === "memory" || after.by === "off") return true;
        const { candidate, figures, version } = after;
        return store.keep(passed(memory, candidate, figures, version, wallClock()));
      }
      case "refused": {
        if (after.remembered !== undefined) return true;
        const { subject } = after.case.candidate;
        const { faults, instead } = after;
        const refused = instead !== undefined;
        return store.keep(failed(memory, { subject, faults, refused }, wallClock()));
      }
      case "none":
        return true;
      default:
        return after satisfies never;
    }
  }

  /** After a restart the last good one is made of the words of now: other hours, say, are no reason for a trial. */
  #keepContent(): void {
    const { store } = this.#options;
    const { lastGood } = store.memory;
    if (this.#trial.t !== "confirmed" || this.#trial.by === "off") return;
    const { subject, content } = this.#trial.candidate;
    if (lastGood?.subject !== subject || isDeepStrictEqual(content, lastGood.content)) return;
    store.keep(saidAgain(store.memory, content));
  }

  /** What follows from a verdict, beyond what is wanted. */
  #conclude(trial: Trial, durable: boolean): void {
    if (trial.t === "refused" && trial.case.kind === "service") this.#versionFailed(trial, durable);
    if (trial.t !== "confirmed" && trial.t !== "refused") return;
    if (this.#latest === undefined) return;
    const { candidate, lastGood } = this.#latest;
    if (candidate.subject === candidateOf(trial)?.subject) return;
    // It had to wait until it was known what the version of the service does.
    this.consider(candidate, trial.t === "confirmed" ? trial.candidate : lastGood);
  }

  #versionFailed(trial: Trial, durable: boolean): void {
    const { service, store, wallClock, fail, trace } = this.#options;
    const decision = decideAfterTrial(service, trial, store.memory, durable, wallClock());
    const { version } = service;
    if (decision.t === "run") {
      trace({ t: "version kept", version, why: decision.why });
    } else if (!store.keep(decision.memory)) {
      trace({ t: "version kept", version, why: "that it fails cannot be remembered" });
    } else {
      trace({ t: "version fails", failure: decision.failure });
      fail(decision.failure);
    }
  }

  /** An upgrade ends this process without a word: the figures are noted while all is well. */
  #note(): void {
    const { store, clock } = this.#options;
    const { times } = this.#rules;
    if (this.#trial.t !== "confirmed" || clock.now() < this.#notedMs + NOTE_MS) return;
    const figures = goodFigures(this.#trial, times.liveMs);
    if (figures === undefined || this.#trial.by === "off") return;
    this.#notedMs = clock.now();
    store.keep(measuredAgain(store.memory, figures));
  }
}

function isOnTrial({ t }: Trial): boolean {
  return t === "checking" || t === "self-testing" || t === "watching";
}
