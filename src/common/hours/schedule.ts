/** Schedules: cron expressions in a time zone, and whether a run has been missed. */

import { lastMoment, nextMoment } from "./moments.js";
import { minutesOf } from "./plan.js";
import { processTimeZone, TimeZone } from "./time-zone.js";

export interface Schedule {
  /** Default: that of the process. */
  readonly timeZone?: string | undefined;
  /** Cron expressions that have been accepted. */
  readonly at: string | readonly string[];
}

export interface Due {
  /** The last planned moment since the last run. Undefined: none. */
  readonly missedMs: number | undefined;
  readonly nextMs: number | undefined;
}

/** A last run in the future comes from a clock that was wrong, and is ignored. */
export function dueSince(
  schedule: Schedule,
  lastRunMs: number,
  nowMs: number,
  zone = processTimeZone(),
): Due {
  const timeZone = new TimeZone(schedule.timeZone ?? zone);
  const minutes = minutesOf(schedule.at);
  const last = lastMoment(minutes, timeZone, nowMs)?.atMs;
  const isMissed = last !== undefined && (last > lastRunMs || lastRunMs > nowMs);
  return {
    missedMs: isMissed ? last : undefined,
    nextMs: nextMoment(minutes, timeZone, nowMs)?.atMs,
  };
}
