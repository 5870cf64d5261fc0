/** Finds the last and the next moment of a schedule, in its time zone. */

import { DAY_MINUTES, type TimeZone } from "./time-zone.js";

/** The planned minutes of a day, ascending. The day is a number of days since 1970-01-01. */
export type MinutesOn = (day: number) => readonly number[];

export interface Moment {
  readonly atMs: number;
  /** The planned local time. It keeps the order of two moments that a change of the clock makes equal. */
  readonly wallMinute: number;
}

/** Longer than between any two moments: 29 February on a given weekday, across 2100, which has none. */
const FURTHEST_DAYS = 41 * 366;

/** The last moment at or before now. */
export function lastMoment(
  minutesOn: MinutesOn,
  zone: TimeZone,
  nowMs: number,
): Moment | undefined {
  const today = zone.dayAt(nowMs);
  // A local clock that went back over midnight has shown times of tomorrow.
  for (let day = today + 1; day > today - FURTHEST_DAYS; day--) {
    const minutes = minutesOn(day);
    const last = minutes[passedOf(minutes, day, zone, nowMs) - 1];
    if (last !== undefined) return momentAt(day, last, zone);
  }
  return undefined;
}

/** The first moment after now. */
export function nextMoment(
  minutesOn: MinutesOn,
  zone: TimeZone,
  nowMs: number,
): Moment | undefined {
  const today = zone.dayAt(nowMs);
  for (let day = today; day < today + FURTHEST_DAYS; day++) {
    const minutes = minutesOn(day);
    const next = minutes[passedOf(minutes, day, zone, nowMs)];
    if (next !== undefined) return momentAt(day, next, zone);
  }
  return undefined;
}

/** How many of a day's minutes have passed. */
function passedOf(minutes: readonly number[], day: number, zone: TimeZone, nowMs: number): number {
  let [low, high] = [0, minutes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (momentAt(day, minutes[middle] ?? 0, zone).atMs <= nowMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function momentAt(day: number, minute: number, zone: TimeZone): Moment {
  const wallMinute = day * DAY_MINUTES + minute;
  return { atMs: zone.momentOf(wallMinute), wallMinute };
}
