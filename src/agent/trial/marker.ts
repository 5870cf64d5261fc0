/** The marker of a failed version: a file in the container's own file system, which a new agreement does not have. */

import { readIfThereSync, writeDurablySync } from "../../common/files/durable.js";

export interface Marker {
  readonly version: string;
  /** ISO 8601. */
  readonly at: string;
}

/** In no volume. */
export const MARKER_PATH = "/var/tmp/slipstream/failed-version";

/** Undefined: there is none, or none that says anything. */
export function readMarker(path: string): Marker | undefined {
  try {
    const text = readIfThereSync(path);
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const { version, at } = value as { version?: unknown; at?: unknown }; // any object may be asked for these
    return typeof version === "string" && typeof at === "string" ? { version, at } : undefined;
  } catch {
    // A marker that was cut short says no more than none: the memory of trials knows what happened.
    return undefined;
  }
}

/** False: this container's file system cannot be written. */
export function leaveMarker(path: string, marker: Marker): boolean {
  try {
    writeDurablySync(path, JSON.stringify(marker));
    return true;
  } catch {
    // The caller tells: without a marker the version cannot fail in a way that Horizon notices.
    return false;
  }
}
