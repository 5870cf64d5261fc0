/** What the hub sends to this node: settings documents and models, each taken in by itself. */

import { join } from "node:path";
import type { Ledger } from "../../common/hub/ledger.js";
import type { HubState } from "../../common/hub/state.js";
import type { Clock } from "../../common/time/clock.js";
import type { ModelStore } from "../models/store.js";
import type { Pace } from "./delays.js";
import type { Ess } from "./ess.js";
import type { HubEvent } from "./events.js";
import { Intake } from "./intake.js";
import { modelTaker, type SettingsTakerOptions, settingsTaker, type Taker } from "./taker.js";

export interface HubOptions {
  readonly ess: Ess;
  readonly store: ModelStore;
  readonly state: HubState;
  /** Every fault of a settings document, one line each, without secrets. */
  readonly check: SettingsTakerOptions["check"];
  /** The agent's own. */
  readonly version: string;
  readonly clock: Clock;
  /** Must not throw. */
  readonly trace: (event: HubEvent) => void;
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
  readonly #intakes: readonly Intake[];

  constructor(options: HubOptions) {
    const { state, store, check, version, pace = DEFAULT_PACE } = options;
    const { documents, ledgers } = state;
    const settings = settingsTaker({ documents, check, version });
    // By themselves: settings must not wait until a large model has come.
    this.#intakes = [
      intakeOf(settings, ledgers.settings, pace.settings, options),
      intakeOf(modelTaker(store), ledgers.models, pace.models, options),
    ];
  }

  /**
   * Says what has passed its trial: keys of documents (documentKey) and models as NAME@VERSION. The hub is told that they
   * are consumed, and does not give them to this node again. May be called at any time.
   */
  confirmed(whats: Iterable<string>): void {
    const confirmed = new Set(whats);
    for (const intake of this.#intakes) intake.confirm(confirmed);
  }

  /** Asks at once, however long the pause is. */
  look(): void {
    for (const intake of this.#intakes) intake.look();
  }

  /** Runs until the signal is aborted. Never throws for the service, what it sends, or the disk. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#intakes.map((intake) => intake.run(signal)));
  }
}

function intakeOf(taker: Taker, ledger: Ledger, pace: Pace, options: HubOptions): Intake {
  const { ess, state, clock, trace, changed, random = Math.random } = options;
  const directory = join(state.incoming, taker.type);
  return new Intake({ ess, taker, ledger, directory, clock, pace, random, trace, changed });
}
