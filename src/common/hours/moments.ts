/** Finds the moments of a schedule around now, in its time zone. */

import { DAY_MINUTES, type TimeZone } from "./time-zone.js";

/** Minutes of a day at which something is planned, ascending; the day is a number of days since 1970-01-01. */
export type MinutesOn = (day: number) => readonly number[];

export interface Moment {
  readonly atMs: number;
  /** What the clock on the wall is meant to show. It tells the order of two that a change of the clock brings together. */
  readonly wallMinute: number;
}

/** Longer than any plan waits: 29 February on a given weekday, over the year 2100, which has none. */
const FURTHEST_DAYS = 41 * 366;

/** The last one at or before now. */
export function lastMoment(
  minutesOn: MinutesOn,
  zone: TimeZone,
  nowMs: number,
): Moment | undefined {
  const today = zone.dayAt(nowMs);
  // A clock that is put back over midnight has shown times of tomorrow.
  for (let day = today + 1; day > today - FURTHEST_DAYS; day--) {
    const minutes = minutesOn(day);
    const last = minutes[passedOf(minutes, day, zone, nowMs) - 1];
    if (last !== undefined) return momentAt(day, last, zone);
  }
  return undefined;
}

/** The first one after now. */
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

/** How many of a day's minutes have come by now. */
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
