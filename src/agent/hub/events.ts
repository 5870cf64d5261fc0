/** What happens with the hub, told once, where it is known what it means. */

import type { StoreEvent } from "../models/store.js";
import type { Answer, EssObject } from "./ess.js";
import type { EssError } from "./ess-error.js";

/** One version of one object, for people. */
export type ObjectName = Pick<EssObject, "type" | "id" | "version">;

export type HubEvent =
  /** The service does not answer; forMs: since when. */
  | { readonly t: "away"; readonly type: string; readonly err: EssError; readonly forMs: number }
  /** It answers: for the first time, or again. */
  | { readonly t: "reached"; readonly type: string }
  | { readonly t: "arriving"; readonly object: ObjectName; readonly bytes: number | undefined }
  /** The download goes on where an earlier attempt ended. */
  | { readonly t: "resumed"; readonly object: ObjectName; readonly bytes: number }
  /** The hub has published another version meanwhile. */
  | { readonly t: "superseded"; readonly object: ObjectName }
  /** Not now; tried again. */
  | {
      readonly t: "delayed";
      readonly object: ObjectName;
      readonly detail: string;
      readonly pauseMs: number;
    }
  /** Checked, durable, and found from now on as `what`. */
  | { readonly t: "taken"; readonly object: ObjectName; readonly what: string }
  /** Not looked at again until it changes. */
  | { readonly t: "refused"; readonly object: ObjectName; readonly reason: string }
  /** The hub has deleted it. */
  | { readonly t: "withdrawn"; readonly object: ObjectName; readonly what: string | undefined }
  | { readonly t: "answered"; readonly object: ObjectName; readonly answer: Answer }
  /** What this agent had written down cannot be read any more. */
  | { readonly t: "forgotten"; readonly detail: string }
  | { readonly t: "store"; readonly event: StoreEvent };
