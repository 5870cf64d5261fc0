/**
 * Runs trials between the desired state and the reconciler: a candidate that has not passed its trial is tried, and one
 * that fails gives way to the last good one.
 */

import { isDeepStrictEqual } from "node:util";
import type { Desired } from "../../common/settings/spec.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import type { Candidate } from "./candidate.js";
import { currentFigures, type TrialInput } from "./observation.js";
import {
  recordFailure,
  recordPass,
  recordStart,
  updateLastGood,
  type VersionFailure,
} from "./record.js";
import type { Moment, Rules } from "./rules.js";
import { decideAfterTrial, type Service } from "./service-version.js";
import type { StoreEvent, TrialStore } from "./store.js";
import {
  candidateOf,
  consider,
  dueMs,
  isOnTrial,
  NO_TRIAL,
  step,
  type Trial,
  toApply,
  toCheck,
} from "./trial.js";

export type TrialEvent =
  /** The trial is in another state, or about another candidate. */
  | { readonly t: "trial"; readonly trial: Trial }
  /** The version of the service has failed its trial and keeps running all the same. */
  | { readonly t: "version kept"; readonly version: string; readonly why: string }
  | { readonly t: "version failed"; readonly failure: VersionFailure }
  | StoreEvent;

export interface TrialRunnerOptions extends Pick<Rules, "bounds" | "times"> {
  readonly service: Service;
  readonly store: TrialStore;
  readonly clock: Clock;
  /** Milliseconds since 1970, for the record. May jump. */
  readonly wallClock: () => number;
  /** The reconciler's setDesired(). */
  readonly apply: (desired: Desired) => void;
  /** The reconciler's. */
  readonly check: (desired: Desired | undefined) => void;
  /** The version of the service must exit; the record says so already. */
  readonly failVersion: (failure: VersionFailure) => void;
  /** Must not throw. */
  readonly onEvent: (event: TrialEvent) => void;
}

/** How often the figures of the last good one are recorded: an upgrade ends this process without notice. */
const RECORD_FIGURES_MS = 600_000;

export class TrialRunner {
  readonly #options: TrialRunnerOptions;
  #rules: Rules;
  readonly #wakeup = new Wakeup();
  #trial: Trial = NO_TRIAL;
  /** The arguments of the last consider(). */
  #latest: { readonly candidate: Candidate; readonly lastGood: Candidate | undefined } | undefined;
  #figuresRecordedMs: number;

  constructor(options: TrialRunnerOptions) {
    const { service, bounds, times } = options;
    const version = service.agreementId === undefined ? undefined : service.version;
    this.#options = options;
    this.#rules = { on: service.on, version, bounds, times };
    this.#figuresRecordedMs = options.clock.now();
  }

  /** From now on, and in the trial that is under way too. */
  setLimits(limits: Pick<Rules, "bounds" | "times">): void {
    this.#rules = { ...this.#rules, ...limits };
  }

  get trial(): Trial {
    return this.#trial;
  }

  /**
   * This candidate is to run from now on. lastGood: rendered from store.record.lastGood.content with the current secrets,
   * for this version of the service; undefined: there is none, or it cannot be rendered any more.
   */
  consider(candidate: Candidate, lastGood: Candidate | undefined): void {
    const { store } = this.#options;
    this.#latest = { candidate, lastGood };
    this.#enter(consider(this.#trial, candidate, lastGood, store.record, this.#now()));
    this.#recordContent();
  }

  /** Takes every event of the reconciler. */
  onEvent(event: ReconcilerEvent): void {
    this.#step(event);
    this.#recordFigures();
  }

  /** What a person has decided about the candidate on trial. Returns whether it counts. */
  decide(decision: "confirmed" | "taken back"): boolean {
    const wasOnTrial = isOnTrial(this.#trial);
    // Another candidate may be on trial by now: one that has waited.
    const after = this.#step({ t: decision });
    return wasOnTrial && after.t === (decision === "confirmed" ? "passed" : "failed");
  }

  /** Steps when a deadline passes, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const untilMs = dueMs(this.#trial);
      await this.#wakeup.wait(clock, untilMs, signal);
      if (!signal.aborted && clock.now() >= untilMs) this.#step({ t: "time" });
    }
  }

  /** Returns the state that follows the input. */
  #step(input: TrialInput): Trial {
    const after = step(this.#trial, input, this.#now());
    this.#enter(after);
    return after;
  }

  #now(): Moment {
    return { ...this.#rules, nowMs: this.#options.clock.now() };
  }

  /** The one place where the trial changes. */
  #enter(after: Trial): void {
    const before = this.#trial;
    const { apply, check, onEvent } = this.#options;
    this.#trial = after;
    const isSame =
      before.t === after.t && candidateOf(before)?.revision === candidateOf(after)?.revision;
    // The record comes first: what is applied may be the end of this process.
    const durable = isSame || this.#record(before, after);
    const desired = toApply(after);
    if (desired !== undefined && desired !== toApply(before)) apply(desired);
    if (toCheck(after) !== toCheck(before)) check(toCheck(after));
    this.#wakeup.notify();
    if (isSame) return;
    onEvent({ t: "trial", trial: after });
    if (after.t === "failed" && after.comparison.kind === "version") {
      this.#decideVersion(after, durable);
    }
    if (!isOnTrial(after)) this.#considerLatest(after);
  }

  /** Returns whether the record of this transition is durable. */
  #record(before: Trial, after: Trial): boolean {
    const { store, wallClock } = this.#options;
    const { record } = store;
    if (isOnTrial(after)) {
      const { revision } = after.comparison.candidate;
      const isNextStage = isOnTrial(before) && candidateOf(before)?.revision === revision;
      return isNextStage || store.save(recordStart(record, revision));
    }
    if (after.t === "passed" && (after.by === "trial" || after.by === "same")) {
      const { candidate, figures, version } = after;
      return store.save(recordPass(record, candidate, figures, version, wallClock()));
    }
    if (after.t === "failed" && after.failedBefore === undefined) {
      const { revision } = after.comparison.candidate;
      const rolledBack = after.fallback !== undefined;
      const { faults } = after;
      return store.save(recordFailure(record, { revision, faults, rolledBack }, wallClock()));
    }
    return true;
  }

  /** So that the last good one is rendered with the current hours after a restart, which are no reason for a trial. */
  #recordContent(): void {
    const { store } = this.#options;
    const { lastGood } = store.record;
    if (this.#trial.t !== "passed" || this.#trial.by === "off") return;
    const { revision, content } = this.#trial.candidate;
    if (lastGood?.revision !== revision || isDeepStrictEqual(content, lastGood.content)) return;
    store.save(updateLastGood(store.record, { content }));
  }

  #recordFigures(): void {
    const { store, clock } = this.#options;
    const nowMs = clock.now();
    if (this.#trial.t !== "passed" || this.#trial.by === "off") return;
    if (nowMs < this.#figuresRecordedMs + RECORD_FIGURES_MS) return;
    const figures = currentFigures(this.#trial.observation, this.#rules.times.liveMs);
    if (figures === undefined) return;
    this.#figuresRecordedMs = nowMs;
    store.save(updateLastGood(store.record, { figures }));
  }

  /** A candidate that came during the trial of a version had to wait for its end. */
  #considerLatest(trial: Trial): void {
    if (this.#latest === undefined) return;
    const { candidate, lastGood } = this.#latest;
    if (candidate.revision === candidateOf(trial)?.revision) return;
    this.consider(candidate, trial.t === "passed" ? trial.candidate : lastGood);
  }

  #decideVersion(trial: Trial, durable: boolean): void {
    const { service, store, wallClock, failVersion, onEvent } = this.#options;
    const { version } = service;
    const decision = decideAfterTrial(service, trial, store.record, durable, wallClock());
    if (decision.t === "run") {
      onEvent({ t: "version kept", version, why: decision.why });
    } else if (!store.save(decision.record)) {
      onEvent({ t: "version kept", version, why: "the trial record cannot be saved" });
    } else {
      onEvent({ t: "version failed", failure: decision.failure });
      failVersion(decision.failure);
    }
  }
}
