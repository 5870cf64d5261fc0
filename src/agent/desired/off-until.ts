/** When a camera is off, and until when: within hours for everything and hours of its own, of which both must be on. */

import { activeAt, type Hours } from "../hours/hours.js";
import type { Camera } from "./spec.js";

export interface Presence {
  readonly off: Camera["off"];
  /** Wall-clock time at which to ask again; undefined: never. */
  readonly nextChangeMs: number | undefined;
}

/** Two schedules that meet at all do so after fewer changes than this: a year of days, twice. */
const MOST_CHANGES = 800;

export function presenceAt(hours: readonly Hours[], nowMs: number): Presence {
  const now = hours.map((one) => activeAt(one, nowMs));
  const changes = now.flatMap(({ nextChangeMs }) => nextChangeMs ?? []);
  const nextChangeMs = changes.length === 0 ? undefined : Math.min(...changes);
  if (now.every(({ active }) => active)) return { off: undefined, nextChangeMs };
  return { off: { untilMs: onAt(hours, nowMs) }, nextChangeMs };
}

/** The next moment at which all are on. */
function onAt(hours: readonly Hours[], nowMs: number): number | undefined {
  let atMs = nowMs;
  for (let changes = 0; changes < MOST_CHANGES; changes++) {
    const waiting = hours.map((one) => activeAt(one, atMs)).find(({ active }) => !active);
    if (waiting === undefined) return atMs;
    if (waiting.nextChangeMs === undefined) return undefined;
    atMs = waiting.nextChangeMs;
  }
  return undefined;
}
