/** The models and the hub's objects on this node. While their directories cannot be used, only shipped models are there. */

import type { Trust } from "../../common/bundle/signature.js";
import { type HubState, openHubState } from "../../common/hub/state.js";
import type { Config } from "../../common/settings/config.js";
import type { Models, Resolved } from "../../common/settings/models.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import type { HubEvent } from "../hub/object-sync.js";
import { findBundle, isInside } from "../models/bundles.js";
import { readLabels } from "../models/labels.js";
import { ModelStore } from "../models/store.js";
import { shippedNames } from "../models/store-files.js";

const RETRY_MS = 30_000;

export interface NodeStoreOptions {
  readonly config: Pick<
    Config,
    | "modelsDir"
    | "modelsMaxBytes"
    | "modelKeys"
    | "requireSignedModels"
    | "allowNativeCode"
    | "stateDir"
  >;
  /** Directory of the models that ship with the product. */
  readonly shipped: string;
  /** Undefined: not known yet. */
  readonly board: () => string | undefined;
  readonly clock: Clock;
  /** Must not throw. */
  readonly onEvent: (event: HubEvent) => void;
  /** A directory cannot be used; called once for the same error. Must not throw. */
  readonly onError: (err: Error) => void;
  /** All directories can be used, after an error. Must not throw. */
  readonly onOpen: () => void;
}

interface Open {
  readonly models: ModelStore;
  readonly hub: HubState;
}

export class NodeStore implements Models {
  readonly #options: NodeStoreOptions;
  #open: Open | undefined;
  #shippedNames: readonly string[] = [];
  /** Message of the last error. */
  #error: string | undefined;
  #held: readonly string[] | undefined;

  constructor(options: NodeStoreOptions) {
    this.#options = options;
  }

  get open(): Open | undefined {
    return this.#open;
  }

  resolve(reference: string): Resolved {
    const { shipped, board } = this.#options;
    if (this.#open !== undefined) return this.#open.models.resolve(reference);
    const places = { installed: [], shipped, shippedNames: this.#shippedNames };
    const resolved = findBundle(reference, places, board());
    const isUnverified =
      resolved.t === "found" && isInside(this.#options.config.modelsDir, resolved.path);
    if (isUnverified) {
      return {
        t: "absent",
        detail: `${resolved.path} is not verified: ${this.#error ?? "not yet"}`,
      };
    }
    if (resolved.t === "found" || this.#error === undefined) return resolved;
    const detail = `${resolved.detail}; models from the hub cannot be used: ${this.#error}`;
    return { t: "absent", detail };
  }

  labels(bundlePath: string): readonly string[] | undefined {
    return readLabels(bundlePath);
  }

  /** Takes the directories of bundles that must not be removed. */
  hold(paths: readonly string[]): void {
    this.#held = paths;
    this.#open?.models.hold(paths).catch((reason) => this.#fail(reason));
  }

  /** Tries to open everything. Must be awaited once before models are first needed. */
  async load(): Promise<void> {
    const { config, shipped, board, onEvent } = this.#options;
    const { modelsDir: directory, modelsMaxBytes: maxBytes } = config;
    const trust: Trust = {
      keys: config.modelKeys ?? [],
      requireSigned: config.requireSignedModels,
      nativeCode: config.allowNativeCode ? "signed" : "refused",
    };
    try {
      this.#shippedNames = await shippedNames(shipped);
      const hub = await openHubState(config.stateDir, (detail) =>
        onEvent({ t: "state lost", detail }),
      );
      const models = await ModelStore.open({
        ...{ directory, shipped, maxBytes, trust, board },
        onEvent: (event) => onEvent({ t: "store", event }),
      });
      this.#open = { models, hub };
    } catch (reason) {
      this.#fail(reason);
      return;
    }
    if (this.#held !== undefined) this.hold(this.#held);
  }

  /** Tries again until everything is open. Undefined: the signal was aborted first. */
  async opened(signal: AbortSignal): Promise<Open | undefined> {
    const { clock, onOpen } = this.#options;
    while (this.#open === undefined) {
      await new Wakeup().wait(clock, clock.now() + RETRY_MS, signal);
      if (signal.aborted) return undefined;
      await this.load();
      if (this.#open !== undefined) onOpen();
    }
    return this.#open;
  }

  #fail(reason: unknown): void {
    const err = reason instanceof Error ? reason : new Error(String(reason));
    if (this.#error === err.message) return;
    this.#error = err.message;
    this.#options.onError(err);
  }
}
