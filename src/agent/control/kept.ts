/** The models and the hub's state that this node keeps. Until their directories can be used, there are the models that ship. */

import { type HubState, openHubState } from "../../common/hub/state.js";
import type { Config } from "../../common/settings/config.js";
import type { Models, Resolved } from "../../common/settings/models.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import type { HubEvent } from "../hub/events.js";
import { findBundle } from "../models/find.js";
import { ModelStore } from "../models/store.js";
import { shippedNames } from "../models/store-files.js";

const RETRY_MS = 30_000;

export interface KeptOptions {
  readonly config: Pick<
    Config,
    "modelsDir" | "modelsMaxBytes" | "modelKeys" | "requireSignedModels" | "stateDir"
  >;
  /** The product's models/. */
  readonly shipped: string;
  /** Undefined: not known yet. */
  readonly board: () => string | undefined;
  readonly clock: Clock;
  /** Must not throw. */
  readonly trace: (event: HubEvent) => void;
  /** A directory cannot be used; the same trouble is told once. Must not throw. */
  readonly unusable: (err: Error) => void;
  /** All can be used now, and could not before. Must not throw. */
  readonly usable: () => void;
}

interface Open {
  readonly store: ModelStore;
  readonly state: HubState;
}

export class Kept implements Models {
  readonly #options: KeptOptions;
  #open: Open | undefined;
  #shippedNames: readonly string[] = [];
  /** Why a directory could not be used when it was needed last. */
  #trouble: string | undefined;
  #held: readonly string[] | undefined;

  constructor(options: KeptOptions) {
    this.#options = options;
  }

  get open(): Open | undefined {
    return this.#open;
  }

  resolve(reference: string): Resolved {
    const { shipped, board } = this.#options;
    if (this.#open !== undefined) return this.#open.store.resolve(reference);
    const places = { installed: [], shipped, shippedNames: this.#shippedNames };
    const resolved = findBundle(reference, places, board());
    if (resolved.t === "found" || this.#trouble === undefined) return resolved;
    const detail = `${resolved.detail}; what came from the hub cannot be used: ${this.#trouble}`;
    return { t: "absent", detail };
  }

  /** Directories of bundles that may not be removed. */
  hold(paths: readonly string[]): void {
    this.#held = paths;
    this.#open?.store.hold(paths).catch((reason) => this.#tell(reason));
  }

  /** Tries to open everything. To be awaited once before models are first needed. */
  async load(): Promise<void> {
    const { config, shipped, board, trace } = this.#options;
    const { modelsDir: directory, modelsMaxBytes: maxBytes } = config;
    const trust = { keys: config.modelKeys ?? [], requireSigned: config.requireSignedModels };
    try {
      this.#shippedNames = await shippedNames(shipped);
      const state = await openHubState(config.stateDir, (detail) =>
        trace({ t: "forgotten", detail }),
      );
      const store = await ModelStore.open({
        ...{ directory, shipped, maxBytes, trust, board },
        trace: (event) => trace({ t: "store", event }),
      });
      this.#open = { store, state };
    } catch (reason) {
      this.#tell(reason);
      return;
    }
    if (this.#held !== undefined) this.hold(this.#held);
  }

  /** Tries again until everything is open. Undefined: the signal was aborted before. */
  async opened(signal: AbortSignal): Promise<Open | undefined> {
    const { clock, usable } = this.#options;
    while (this.#open === undefined) {
      await new Wakeup().wait(clock, clock.now() + RETRY_MS, signal);
      if (signal.aborted) return undefined;
      await this.load();
      if (this.#open !== undefined) usable();
    }
    return this.#open;
  }

  #tell(reason: unknown): void {
    const err = reason instanceof Error ? reason : new Error(String(reason));
    if (this.#trouble === err.message) return;
    this.#trouble = err.message;
    this.#options.unusable(err);
  }
}
