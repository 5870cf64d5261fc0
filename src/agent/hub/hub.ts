/** What the hub sends to this node: settings documents and models, each taken in by itself. */

import { join } from "node:path";
import type { ModelStore } from "../models/store.js";
import type { Clock } from "../time/clock.js";
import type { Pace } from "./delays.js";
import type { Documents } from "./documents.js";
import type { Ess } from "./ess.js";
import type { HubHappening } from "./happening.js";
import { Intake } from "./intake.js";
import { Ledger } from "./ledger.js";
import { modelTaker, type SettingsTakerOptions, settingsTaker, type Taker } from "./taker.js";

export interface HubOptions {
  readonly ess: Ess;
  readonly store: ModelStore;
  readonly documents: Documents;
  /** Every fault of a settings document, one line each, without secrets. */
  readonly check: SettingsTakerOptions["check"];
  /** The agent's own. */
  readonly version: string;
  /** The hub's part of the agent's state, where nobody else writes. Made if it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  /** Must not throw. */
  readonly trace: (happening: HubHappening) => void;
  /** Called when what documents.current() or a model's name gives may be another, and is durable. */
  readonly changed: () => void;
  readonly pace?: HubPace;
  /** From 0 to 1. */
  readonly random?: () => number;
}

export interface HubPace {
  readonly settings: Pace;
  readonly models: Pace;
}

/** The service is on the same machine: a question costs a millisecond. It asks the hub itself once a minute. */
export const DEFAULT_PACE: HubPace = {
  settings: { intervalMs: 500, longestMs: 60_000 },
  models: { intervalMs: 5000, longestMs: 60_000 },
};

export class Hub {
  readonly #options: HubOptions;
  #intakes: readonly Intake[] = [];
  #confirmed: ReadonlySet<string> = new Set();

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /**
   * Says what has passed its trial: keys of documents (documentKey) and models as NAME@VERSION. The hub is told that they
   * are consumed, and does not give them to this node again. May be called at any time.
   */
  confirmed(whats: Iterable<string>): void {
    this.#confirmed = new Set(whats);
    for (const intake of this.#intakes) intake.confirm(this.#confirmed);
  }

  /** Asks at once, however long the pause is. */
  look(): void {
    for (const intake of this.#intakes) intake.look();
  }

  /** Runs until the signal is aborted. Never throws for the service or what it sends. */
  async run(signal: AbortSignal): Promise<void> {
    const { documents, check, version, store, pace = DEFAULT_PACE } = this.#options;
    const settings = settingsTaker({ documents, check, version });
    const models = modelTaker(store);
    // By themselves: settings must not wait until a large model has come.
    this.#intakes = await Promise.all([
      this.#intake(settings, pace.settings),
      this.#intake(models, pace.models),
    ]);
    for (const intake of this.#intakes) intake.confirm(this.#confirmed);
    await Promise.all(this.#intakes.map((intake) => intake.run(signal)));
  }

  async #intake(taker: Taker, pace: Pace): Promise<Intake> {
    const { ess, directory, clock, trace, changed, random = Math.random } = this.#options;
    const forgotten = (detail: string) => trace({ t: "forgotten", detail });
    const ledger = await Ledger.open(join(directory, `${taker.type}.json`), forgotten);
    const incoming = join(directory, "incoming", taker.type);
    return new Intake({
      ess,
      taker,
      ledger,
      directory: incoming,
      clock,
      pace,
      random,
      trace,
      changed,
    });
  }
}
