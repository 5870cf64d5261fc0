/**
 * The hub's names for versions of objects and of data: times of publication, of which the order counts. They have 64
 * bits, milliseconds or nanoseconds by how the hub stores them; a JavaScript number holds 53. So they are kept as text.
 */

import { z } from "zod";

export const instanceSchema = z.string().regex(/^\d{1,19}$/, "must be a whole number");

/** Of data whose version the hub does not say. */
export const NO_VERSION = "0";

/** Negative, zero or positive as `a` was published before, with or after `b`. */
export function compareInstances(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** Reads metadata in JSON with these numbers as text. A quote within a text of JSON has a backslash before it. */
export function parseMetadata(json: string): unknown {
  return JSON.parse(json.replace(/("(?:instanceID|dataID)"\s*:\s*)(\d+)/g, '$1"$2"'));
}
