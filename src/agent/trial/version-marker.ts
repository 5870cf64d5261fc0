/**
 * The marker of a version that has failed its trial: a file in the container's own file system, which the container of a
 * new agreement does not have. Imports next to nothing, so that an agent that finds it ends at once.
 */

import { readIfThereSync, writeDurablySync } from "../../common/files/durable.js";
import { readVersion } from "../../common/version.js";

export interface Marker {
  readonly version: string;
  /** ISO 8601. */
  readonly at: string;
}

/** In no volume. */
export const MARKER_PATH = "/var/tmp/slipstream/failed-version";

/** Exit status of a version that has failed its trial: EX_SOFTWARE of sysexits.h. */
export const EXIT_VERSION_FAILED = 70;

/** A failure counts for this long. */
export const FAILURE_SPAN_MS = 3_600_000;

/**
 * Horizon looks every minute: if it has done nothing for an hour, it will not, and a running version is better than none.
 * A time in the future comes from a clock that was wrong: the distance counts either way.
 */
export function isRecent(at: string, nowMs: number): boolean {
  return Math.abs(nowMs - Date.parse(at)) < FAILURE_SPAN_MS;
}

/** Undefined: there is none, or it is damaged. */
export function readMarker(path: string): Marker | undefined {
  try {
    const text = readIfThereSync(path);
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const { version, at } = value as { version?: unknown; at?: unknown }; // any object may be asked for these
    return typeof version === "string" && typeof at === "string" ? { version, at } : undefined;
  } catch {
    // A marker that was cut short counts as none: the trial record knows what happened.
    return undefined;
  }
}

/**
 * Returns the exit status for the process to end with now. Undefined: the container's file system cannot be written, so
 * Horizon would not notice, and the version keeps running.
 */
export function writeMarker(path: string, { version, at }: Marker): number | undefined {
  try {
    writeDurablySync(path, JSON.stringify({ version, at }));
    return EXIT_VERSION_FAILED;
  } catch {
    // The caller reports it.
    return undefined;
  }
}

/**
 * What an agent whose own version has left the marker writes to its log, and its exit status. Undefined: there is no such
 * marker, or it is so old that the version is to run; decideAtStart() then decides.
 */
export function failedHere(
  path: string,
  nowMs: number,
): { readonly code: number; readonly line: string } | undefined {
  const marker = readMarker(path);
  if (marker?.version !== readVersion() || !isRecent(marker.at, nowMs)) return undefined;
  const line = JSON.stringify({
    timestamp: new Date(nowMs).toISOString(),
    level: "error",
    component: "agent",
    message: "this version has failed its trial here, exiting",
    version: marker.version,
    failedAt: marker.at,
    detail: "the log of this container's first start says why",
  });
  return { code: EXIT_VERSION_FAILED, line };
}
