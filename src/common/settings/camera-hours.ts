/** Whether a camera is off, and until when. It is on while both the hours of everything and its own are active. */

import { activeAt, type Hours } from "../hours/hours.js";
import type { Camera } from "./spec.js";

export interface Presence {
  readonly off: Camera["off"];
  /** Wall-clock time at which to ask again; undefined: never. */
  readonly nextChangeMs: number | undefined;
}

/** How far ahead to look for the end of being off: three weeks of hours that change twice a day. */
const MOST_CHANGES = 42;

/** Presences at one time. Cameras with the same hours, as most have, are computed once. */
export function presencesAt(nowMs: number): (hours: readonly Hours[]) => Presence {
  const known = new Map<string, Presence>();
  return (hours) => {
    const key = JSON.stringify(hours);
    const presence = known.get(key) ?? presenceAt(hours, nowMs);
    known.set(key, presence);
    return presence;
  };
}

function presenceAt(hours: readonly Hours[], nowMs: number): Presence {
  const now = hours.map((one) => activeAt(one, nowMs));
  const changes = now.flatMap(({ nextChangeMs }) => nextChangeMs ?? []);
  const nextChangeMs = changes.length === 0 ? undefined : Math.min(...changes);
  if (now.every(({ active }) => active)) return { off: undefined, nextChangeMs };
  return { off: { untilMs: onAt(hours, nowMs) }, nextChangeMs };
}

/** The next time at which all hours are active. */
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
