/** Gathers what is wanted from all sources, and gives it to the guard whenever one of them changes. */

import { displayProblem, type Problem } from "../../common/problem.js";
import type { Secrets } from "../../common/secrets/secrets.js";
import { withEarlier } from "../../common/secrets/words.js";
import type { Config } from "../../common/settings/config.js";
import type { RuntimeOptions } from "../../common/settings/desired-state.js";
import type { Models } from "../../common/settings/models.js";
import type { Candidate, JsonValue } from "../trial/candidate.js";
import type { Texts } from "./content.js";
import { interrupts } from "./interrupts.js";
import { mayRebuild } from "./maintenance.js";
import { type Made, passwordsIn, plan } from "./plan.js";

/** What the control tells, once, where it is known what it means. */
export type ControlEvent =
  /** running: something runs already, and goes on. */
  | {
      readonly t: "settings refused";
      readonly problems: readonly Problem[];
      readonly running: boolean;
    }
  | { readonly t: "settings accepted again" }
  | { readonly t: "settings warning"; readonly problem: Problem }
  /** Undefined: no window is planned. */
  | { readonly t: "held"; readonly untilMs: number | undefined }
  | { readonly t: "wanted"; readonly candidate: Candidate };

export interface ControlOptions {
  readonly config: Config;
  /** Of the service. */
  readonly version: string;
  readonly texts: () => Texts;
  /** Documents that should be there and cannot be read. */
  readonly unreadable: () => readonly Problem[];
  readonly secrets: () => Secrets;
  readonly models: Models;
  /** What the memory of trials holds of the last good one. */
  readonly lastGood: () => JsonValue | undefined;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** The guard's. */
  readonly consider: (candidate: Candidate, lastGood: Candidate | undefined) => void;
  /** Called with the settings that the specification does not hold, before anything is considered under them. */
  readonly applyOptions: (options: RuntimeOptions) => void;
  /** Asks for renew() at this time of the wall clock; undefined: only when something changes. */
  readonly wake: (atMs: number | undefined) => void;
  /** Directories of bundles that are in use or may be again at any moment. */
  readonly hold: (bundlePaths: readonly string[]) => void;
  /** Must not throw. */
  readonly trace: (event: ControlEvent) => void;
}

export class Control {
  readonly #options: ControlOptions;
  /** What was considered last. */
  #current: Made | undefined;
  #refused = "";
  #held = "";
  #warnings: ReadonlySet<string> = new Set();
  #passwords: readonly string[] = [];

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Passwords of what is or was wanted; the same array as long as they are the same. */
  get passwords(): readonly string[] {
    return this.#passwords;
  }

  /** To be called when a source has changed, or the time has come. */
  renew(): void {
    const { texts, unreadable, secrets, lastGood, wallClock, wake } = this.#options;
    const nowMs = wallClock();
    const sources = {
      ...this.#options,
      texts: texts(),
      unreadable: unreadable(),
      secrets: secrets(),
      lastGood: lastGood(),
      current: this.#current?.candidate.content,
      nowMs,
    };
    const { wanted, current, lastGood: good, problems } = plan(sources);
    this.#passwords = withEarlier(passwordsOf([wanted, current, good]), this.#passwords);
    this.#tellRefusal(problems);
    const heldMs = wanted && this.#heldUntil(wanted, nowMs);
    // What runs goes on by the hours and with the secrets of now.
    const next = wanted === undefined || heldMs !== undefined ? current : wanted;
    wake(earliest(heldMs, next?.nextChangeMs));
    if (next !== undefined) this.#use(next, good);
  }

  /** Infinity: no window is planned. Undefined: it need not wait. */
  #heldUntil(wanted: Made, nowMs: number): number | undefined {
    const before = this.#current?.candidate.desired.spec;
    const rebuild = mayRebuild(wanted.options.maintenance, nowMs);
    const { subject, desired } = wanted.candidate;
    if (before === undefined || rebuild.t === "now" || !interrupts(before, desired.spec)) {
      this.#held = "";
      return undefined;
    }
    if (subject !== this.#held) this.#options.trace({ t: "held", untilMs: rebuild.atMs });
    this.#held = subject;
    return rebuild.atMs ?? Number.POSITIVE_INFINITY;
  }

  #use(wanted: Made, lastGood: Made | undefined): void {
    const { consider, applyOptions, hold, trace } = this.#options;
    const { candidate } = wanted;
    const isNews = candidate.subject !== this.#current?.candidate.subject;
    hold(bundlesOf([wanted, this.#current, lastGood]));
    this.#current = wanted;
    if (isNews) trace({ t: "wanted", candidate });
    this.#tellWarnings(wanted.warnings);
    applyOptions(wanted.options);
    consider(candidate, lastGood?.candidate);
  }

  #tellRefusal(problems: readonly Problem[]): void {
    const refused = problems.map(displayProblem).join("\n");
    if (refused === this.#refused) return;
    this.#refused = refused;
    const { trace } = this.#options;
    if (refused === "") trace({ t: "settings accepted again" });
    else trace({ t: "settings refused", problems, running: this.#current !== undefined });
  }

  #tellWarnings(warnings: readonly Problem[]): void {
    const before = this.#warnings;
    const keyed = warnings.map((problem) => [JSON.stringify(problem), problem] as const);
    this.#warnings = new Set(keyed.map(([key]) => key));
    for (const [key, problem] of keyed) {
      if (!before.has(key)) this.#options.trace({ t: "settings warning", problem });
    }
  }
}

function passwordsOf(all: readonly (Made | undefined)[]): string[] {
  return all.flatMap((made) =>
    made === undefined ? [] : passwordsIn(made.candidate.desired.spec),
  );
}

function bundlesOf(all: readonly (Made | undefined)[]): string[] {
  const paths = all.flatMap((one) => one?.candidate.desired.spec.model.bundlePath ?? []);
  return [...new Set(paths)];
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
