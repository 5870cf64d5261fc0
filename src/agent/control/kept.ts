/** What came from the hub and is kept on this node; without directories that can be written there is nothing of it. */

import type { Config } from "../desired/config.js";
import { Documents, documentsPath, hubDirectory } from "../hub/documents.js";
import type { HubHappening } from "../hub/happening.js";
import type { Models, Resolved } from "../models/models.js";
import { ModelStore } from "../models/store.js";
import { Bell } from "../time/bell.js";
import type { Clock } from "../time/clock.js";

const RETRY_MS = 30_000;

export interface KeptOptions {
  readonly config: Config;
  /** The product's models/. */
  readonly shipped: string;
  /** Undefined: not known yet. */
  readonly board: () => string | undefined;
  readonly clock: Clock;
  readonly trace: (happening: HubHappening) => void;
  /** The directories cannot be used; told once until they can. Must not throw. */
  readonly unusable: (err: Error) => void;
}

/** Finds models in the store, once that is open. */
export class Kept implements Models {
  readonly #options: KeptOptions;
  #open: { readonly store: ModelStore; readonly documents: Documents } | undefined;
  #trouble = "";
  #held: readonly string[] = [];

  constructor(options: KeptOptions) {
    this.#options = options;
  }

  get open() {
    return this.#open;
  }

  /** The hub's part of the agent's state. */
  get directory(): string {
    return hubDirectory(this.#options.config.stateDir);
  }

  resolve(reference: string): Resolved {
    if (this.#open !== undefined) return this.#open.store.resolve(reference);
    // A directory is checked by the sidecar.
    if (reference.startsWith("/")) {
      return { t: "found", path: reference, name: reference, version: "" };
    }
    return { t: "absent", detail: `the directory of models cannot be used: ${this.#trouble}` };
  }

  /** Directories of bundles that may not be removed. */
  hold(paths: readonly string[]): void {
    this.#held = paths;
    this.#open?.store.hold(paths).catch(this.#options.unusable);
  }

  /** Tries to open both. To be awaited once before models are first needed. */
  async load(): Promise<boolean> {
    const { config, shipped, board, trace, unusable } = this.#options;
    const { modelsDir: directory, modelsMaxBytes: maxBytes } = config;
    const trust = { keys: config.modelKeys ?? [], requireSigned: config.requireSignedModels };
    try {
      const store = await ModelStore.open({
        ...{ directory, shipped, maxBytes, trust, board },
        trace: (happening) => trace({ t: "store", happening }),
      });
      if (this.#held.length > 0) await store.hold(this.#held);
      const forgotten = (detail: string) => trace({ t: "forgotten", detail });
      const documents = await Documents.open(documentsPath(config.stateDir), forgotten);
      this.#open = { store, documents };
      return true;
    } catch (reason) {
      const err = reason instanceof Error ? reason : new Error(String(reason));
      if (this.#trouble !== err.message) unusable(err);
      this.#trouble = err.message;
      return false;
    }
  }

  /** Returns once both are open, or when the signal is aborted. */
  async opened(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (this.#open === undefined && !signal.aborted) {
      await new Bell().wait(clock, clock.now() + RETRY_MS, signal);
      if (!signal.aborted) await this.load();
    }
  }
}
