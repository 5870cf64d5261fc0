/** What happens with the objects of each type: settings documents and models. */

import { readFile } from "node:fs/promises";
import { compareBundleVersions } from "../../common/bundle/manifest.js";
import { decodeUtf8 } from "../../common/files/read.js";
import { type Documents, documentKey } from "../../common/hub/documents.js";
import { MODEL_TYPE, SETTINGS_TYPE } from "../../common/hub/object.js";
import type { Installation, ModelStore } from "../models/store.js";
import type { EssObject } from "./ess.js";

/** refused: for good, until the object or the conditions change. postponed: tried again. */
export interface Rejection {
  readonly t: "refused" | "postponed";
  readonly reason: string;
}

/** accepted: the content is durable, and has this id from now on. */
export type HandlerResult = { readonly t: "accepted"; readonly contentId: string } | Rejection;

/** Throws only file system errors, and when a signal is aborted. */
export interface ObjectHandler {
  readonly type: string;
  /** For the data of one object. */
  readonly maxBytes: number;
  /**
   * What decisions depend on besides the object: when it changes, refused objects are processed again. Undefined: it is
   * not known yet, and nothing can be accepted.
   */
  conditions(): string | undefined;
  /** Whether accepted content is still here; false: it has been lost since. */
  has(contentId: string): boolean;
  /** Makes room for data that are about to be downloaded. Undefined: there is room. */
  reserve(bytes: number): Promise<Rejection | undefined>;
  /** previous: the content of the object's previous version. */
  accept(
    object: EssObject,
    file: string,
    previous: string | undefined,
    signal: AbortSignal,
  ): Promise<HandlerResult>;
  /** Whether content can stay as it is when only the object's metadata have changed. */
  survivesNewMetadata(contentId: string): boolean;
  /** Durable when it returns. Also called for content that is not here. */
  withdraw(id: string, contentId: string): Promise<void>;
}

const MAX_SETTINGS_BYTES = 1024 * 1024;

export interface SettingsHandlerOptions {
  readonly documents: Documents;
  /** Every fault of a document, one line each, without secrets. */
  readonly check: (text: string, name: string) => readonly string[];
  /** The agent's own: another version may understand what this one refuses. */
  readonly version: string;
}

export function settingsHandler(options: SettingsHandlerOptions): ObjectHandler {
  const { documents, check, version } = options;
  return {
    type: SETTINGS_TYPE,
    maxBytes: MAX_SETTINGS_BYTES,
    conditions: () => version,
    has: (contentId) => !documents.isLost(contentId),
    reserve: () => Promise.resolve(undefined),
    async accept(object, file) {
      const text = decodeUtf8(await readFile(file));
      if (text === undefined) return { t: "refused", reason: "it is not UTF-8 text" };
      const faults = check(text, object.id);
      if (faults.length > 0) return { t: "refused", reason: faults.join("; ") };
      const { id, instance } = object;
      await documents.put({ id, version: object.version, instance, text });
      return { t: "accepted", contentId: documentKey({ id, instance }) };
    },
    // Which document is active depends on the time of publication, and a document is cheap to fetch again.
    survivesNewMetadata: () => false,
    withdraw: (id) => documents.remove(id),
  };
}

export function modelHandler(store: ModelStore): ObjectHandler {
  return {
    type: MODEL_TYPE,
    maxBytes: store.maxBytes,
    conditions: () => store.conditions,
    has: (contentId) => !store.isLost(contentId),
    async reserve(bytes) {
      const outcome = await store.reserve(bytes);
      return outcome && rejectionOf(outcome);
    },
    async accept(_, file, previous, signal) {
      const outcome = await store.install(file, signal);
      if (outcome.t !== "installed") return rejectionOf(outcome);
      if (previous !== undefined && isNewerVersion(previous, outcome.bundle)) {
        // The hub goes back to an older version, so the newer one must not be found any more.
        await store.withdraw(previous);
      }
      return { t: "accepted", contentId: outcome.bundle };
    },
    survivesNewMetadata: (contentId) => store.has(contentId),
    withdraw: (_, contentId) => store.withdraw(contentId),
  };
}

function rejectionOf(outcome: Exclude<Installation, { t: "installed" }>): Rejection {
  return outcome.t === "refused"
    ? { t: "refused", reason: `${outcome.path}: ${outcome.reason}` }
    : { t: "postponed", reason: outcome.detail };
}

/** Whether NAME@VERSION `a` is a later version of the same model than `b`. */
function isNewerVersion(a: string, b: string): boolean {
  const [nameA = "", versionA = ""] = a.split("@");
  const [nameB = "", versionB = ""] = b.split("@");
  return nameA === nameB && compareBundleVersions(versionA, versionB) > 0;
}
