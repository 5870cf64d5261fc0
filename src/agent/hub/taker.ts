/** Taker: what is done with the objects of one type. */

import { open } from "node:fs/promises";
import { compareBundleVersions } from "../../common/bundle/manifest.js";
import { type Documents, documentKey } from "../../common/hub/documents.js";
import { MODEL_TYPE, SETTINGS_TYPE } from "../../common/hub/object-types.js";
import type { ModelStore } from "../models/store.js";
import type { EssObject } from "./ess.js";

export type Taken =
  /** Durable. `what` is what it is called from now on. */
  | { readonly t: "taken"; readonly what: string }
  | { readonly t: "refused"; readonly reason: string }
  /** Not now. */
  | { readonly t: "later"; readonly detail: string };

/** Throws only what the disk says, and when a signal is aborted. */
export interface Taker {
  readonly type: string;
  /** Of the data of one object. */
  readonly maxBytes: number;
  /**
   * What decides beside the object: when it changes, one that was refused is looked at again. Undefined: that is not
   * known yet, and nothing is taken.
   */
  terms(): string | undefined;
  /** Whether it is as it was taken; false: it has got lost since. */
  has(what: string): boolean;
  /** Undefined: there is room for so many bytes, which are about to come. */
  room(bytes: number): Promise<Exclude<Taken, { t: "taken" }> | undefined>;
  /** before: what the object's version before this one is called. */
  take(
    object: EssObject,
    file: string,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<Taken>;
  /** The same data under another version. Returns what it is called now; undefined: it must be taken anew. */
  renew(object: EssObject, what: string): string | undefined;
  /** Durable when it returns. Called for what is not here too. */
  withdraw(id: string, what: string): Promise<void>;
}

const LARGEST_SETTINGS_BYTES = 1024 * 1024;

export interface SettingsTakerOptions {
  readonly documents: Documents;
  /** Every fault of a document, one line each, without secrets. */
  readonly check: (text: string, name: string) => readonly string[];
  /** Of the agent: another one may understand what this one refuses. */
  readonly version: string;
}

/** Takes settings documents. */
export function settingsTaker({ documents, check, version }: SettingsTakerOptions): Taker {
  return {
    type: SETTINGS_TYPE,
    maxBytes: LARGEST_SETTINGS_BYTES,
    terms: () => version,
    has: (what) => !documents.isLost(what),
    room: () => Promise.resolve(undefined),
    async take(object, file) {
      const text = await readUtf8(file);
      if (text === undefined) return { t: "refused", reason: "it is not UTF-8 text" };
      const faults = check(text, object.id);
      if (faults.length > 0) return { t: "refused", reason: faults.join("; ") };
      const { id, instance } = object;
      await documents.put({ id, version: object.version, instance, text });
      return { t: "taken", what: documentKey({ id, instance }) };
    },
    // Which one counts depends on the time of publication: taking it again costs next to nothing.
    renew: () => undefined,
    withdraw: (id) => documents.remove(id),
  };
}

/** Takes bundles of models. */
export function modelTaker(store: ModelStore): Taker {
  return {
    type: MODEL_TYPE,
    maxBytes: store.maxBytes,
    terms: () => store.terms,
    has: (what) => !store.isLost(what),
    async room(bytes) {
      const outcome = await store.reserve(bytes);
      if (outcome === undefined || outcome.t === "installed") return undefined;
      return outcome.t === "refused"
        ? { t: "refused", reason: `${outcome.path}: ${outcome.reason}` }
        : { t: "later", detail: outcome.detail };
    },
    async take(_, file, before, signal) {
      const outcome = await store.install(file, signal);
      switch (outcome.t) {
        case "installed":
          if (before !== undefined && isNewerVersion(before, outcome.bundle)) {
            // The hub goes back to an older version: the newer one must not be found any more.
            await store.withdraw(before);
          }
          return { t: "taken", what: outcome.bundle };
        case "refused":
          return { t: "refused", reason: `${outcome.path}: ${outcome.reason}` };
        case "no room":
          return { t: "later", detail: outcome.detail };
        default:
          return outcome satisfies never;
      }
    },
    renew: (_, what) => (store.has(what) ? what : undefined),
    withdraw: (_, what) => store.withdraw(what),
  };
}

/** Whether NAME@VERSION `a` is a later version of the same model than `b`. */
function isNewerVersion(a: string, b: string): boolean {
  const [nameA = "", versionA = ""] = a.split("@");
  const [nameB = "", versionB = ""] = b.split("@");
  return nameA === nameB && compareBundleVersions(versionA, versionB) > 0;
}

async function readUtf8(path: string): Promise<string | undefined> {
  const file = await open(path, "r");
  try {
    const bytes = await file.readFile();
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (reason) {
    // The decoder's only error.
    if (reason instanceof TypeError) return undefined;
    throw reason;
  } finally {
    await file.close();
  }
}
