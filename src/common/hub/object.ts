/**
 * What identifies the hub's objects and their versions. An instance is a time of publication, of which only the order
 * counts: milliseconds or nanoseconds, depending on how the hub stores them. It has 64 bits, and a JavaScript number
 * holds 53, so it is kept as text.
 */

import { z } from "zod";

/** Types of the objects that the hub sends to nodes. */
export const SETTINGS_TYPE = "slipstream-settings";
export const MODEL_TYPE = "slipstream-model";

export const instanceSchema = z.string().regex(/^\d{1,19}$/, "must be a whole number");

/** Instance of data whose version the hub does not tell. */
export const NO_VERSION = "0";

/** Negative, zero or positive: `a` was published before, with or after `b`. */
export function compareInstances(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** Parses metadata in JSON with instances as text. A quote within a JSON string has a backslash before it. */
export function parseMetadata(json: string): unknown {
  return JSON.parse(json.replace(/("(?:instanceID|dataID)"\s*:\s*)(\d+)/g, '$1"$2"'));
}
