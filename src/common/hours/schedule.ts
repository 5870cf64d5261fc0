/** Schedules: cron expressions in a time zone, and whether a run has been missed. */

import { lastMoment } from "./moments.js";
import { minutesOf } from "./plan.js";
import { processTimeZone, TimeZone } from "./time-zone.js";

export interface Schedule {
  /** Default: that of the process. */
  readonly timeZone?: string | undefined;
  /** Cron expressions that have been accepted. */
  readonly at: string | readonly string[];
}

/**
 * The last planned moment since the last run; undefined: none. A last run in the future comes from a clock that was wrong,
 * and is ignored.
 */
export function missedSince(
  schedule: Schedule,
  lastRunMs: number,
  nowMs: number,
  zone = processTimeZone(),
): number | undefined {
  const timeZone = new TimeZone(schedule.timeZone ?? zone);
  const last = lastMoment(minutesOf(schedule.at), timeZone, nowMs)?.atMs;
  const isMissed = last !== undefined && (last > lastRunMs || lastRunMs > nowMs);
  return isMissed ? last : undefined;
}
