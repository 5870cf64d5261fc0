/** Brings settings documents and models from the hub to this node, independently of each other. */

import { join } from "node:path";
import type { Ledger } from "../../common/hub/ledger.js";
import type { HubState } from "../../common/hub/state.js";
import type { Clock } from "../../common/time/clock.js";
import type { ModelStore } from "../models/store.js";
import type { Ess } from "./ess.js";
import {
  modelHandler,
  type ObjectHandler,
  type SettingsHandlerOptions,
  settingsHandler,
} from "./object-handler.js";
import { type HubEvent, ObjectSync, type Polling } from "./object-sync.js";

export interface HubOptions {
  readonly ess: Ess;
  readonly store: ModelStore;
  readonly state: HubState;
  /** Every fault of a settings document, one line each, without secrets. */
  readonly check: SettingsHandlerOptions["check"];
  /** The agent's own. */
  readonly version: string;
  readonly clock: Clock;
  /** Must not throw. */
  readonly trace: (event: HubEvent) => void;
  /** Called when the current document, or the bundle that a model's name stands for, may have changed and is durable. */
  readonly changed: () => void;
  readonly polling?: HubPolling;
  /** From 0 to 1. */
  readonly random?: () => number;
}

export interface HubPolling {
  readonly settings: Polling;
  readonly models: Polling;
}

/** The service is on the same machine, and a call takes a millisecond. It asks the hub itself once a minute. */
export const DEFAULT_POLLING: HubPolling = {
  settings: { intervalMs: 500, maxBackoffMs: 60_000 },
  models: { intervalMs: 5000, maxBackoffMs: 60_000 },
};

export class Hub {
  readonly #syncs: readonly ObjectSync[];

  constructor(options: HubOptions) {
    const { state, store, check, version, polling = DEFAULT_POLLING } = options;
    const { documents, ledgers } = state;
    const settings = settingsHandler({ documents, check, version });
    // Each has its own loop: settings must not wait for the download of a large model.
    this.#syncs = [
      syncOf(settings, ledgers.settings, polling.settings, options),
      syncOf(modelHandler(store), ledgers.models, polling.models, options),
    ];
  }

  /**
   * Takes the content ids that have passed their trial: keys of documents (documentKey) and models as NAME@VERSION. Their
   * objects are acknowledged as consumed, and not delivered to this node again. May be called at any time.
   */
  confirmed(contentIds: Iterable<string>): void {
    const confirmed = new Set(contentIds);
    for (const sync of this.#syncs) sync.confirm(confirmed);
  }

  /** Polls at once. */
  poll(): void {
    for (const sync of this.#syncs) sync.poll();
  }

  /** Runs until the signal is aborted. Never throws because of the service, what it sends, or the disk. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#syncs.map((sync) => sync.run(signal)));
  }
}

function syncOf(
  handler: ObjectHandler,
  ledger: Ledger,
  polling: Polling,
  options: HubOptions,
): ObjectSync {
  const { ess, state, clock, trace, changed, random = Math.random } = options;
  const directory = join(state.incoming, handler.type);
  return new ObjectSync({
    ...{ ess, handler, ledger, directory, clock, polling, random, trace, changed },
  });
}
