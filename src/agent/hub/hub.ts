/** Brings settings documents and models from the hub to this node, independently of each other. */

import { join } from "node:path";
import type { Ledger } from "../../common/hub/ledger.js";
import type { HubState } from "../../common/hub/state.js";
import type { ModelStore } from "../models/store.js";
import {
  modelHandler,
  type ObjectHandler,
  type SettingsHandlerOptions,
  settingsHandler,
} from "./object-handler.js";
import { ObjectSync, type ObjectSyncOptions, type Polling } from "./object-sync.js";

export interface HubOptions
  extends Pick<ObjectSyncOptions, "ess" | "clock" | "onEvent" | "onChange">,
    Pick<SettingsHandlerOptions, "check" | "version"> {
  readonly store: ModelStore;
  readonly state: HubState;
  readonly polling?: typeof DEFAULT_POLLING;
}

/** The service is on the same machine, and a call takes a millisecond. It asks the hub itself once a minute. */
const DEFAULT_POLLING: Readonly<Record<"settings" | "models", Polling>> = {
  settings: { intervalMs: 500, maxBackoffMs: 60_000 },
  models: { intervalMs: 5000, maxBackoffMs: 60_000 },
};

export class Hub {
  readonly #syncs: readonly ObjectSync[];

  constructor(options: HubOptions) {
    const { state, store, check, version, polling = DEFAULT_POLLING } = options;
    const { documents, ledgers, incoming } = state;
    const { ess, clock, onEvent, onChange } = options;
    const sync = (handler: ObjectHandler, ledger: Ledger, polling: Polling) => {
      const directory = join(incoming, handler.type);
      const random = Math.random;
      return new ObjectSync({
        ...{ ess, clock, random, onEvent, onChange, handler, ledger, directory, polling },
      });
    };
    // Each has its own loop: settings must not wait for the download of a large model.
    this.#syncs = [
      sync(settingsHandler({ documents, check, version }), ledgers.settings, polling.settings),
      sync(modelHandler(store), ledgers.models, polling.models),
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
