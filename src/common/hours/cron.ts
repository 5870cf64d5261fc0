/** Cron expressions in the language of node-cron, parsed so that both past and future times can be looked up. */

import { type ParsedFields, validateDetailed } from "node-cron";
import { calendarDay, dayOfMonthRule, dayOfWeekRule } from "./calendar-day.js";

export const CRON_ALLOWED =
  "five fields (minute, hour, day of month, month, day of week) such as 0 7 * * 1-5";

const MAX_LENGTH = 128;

/**
 * The 28 years from 2000 have every kind of year: each weekday as the first day, with and without 29 February. An
 * expression that fires on no day of them never does.
 */
const ALL_KINDS_OF_YEARS = { from: 10_957, to: 10_957 + 28 * 365 + 7 };

/** When an expression fires. Both day fields must match, unlike in some other crons. */
export interface Cron {
  /** Minutes of a day, ascending. */
  readonly minutes: readonly number[];
  /** Whether it fires on a day, as a number of days since 1970-01-01. */
  readonly firesOn: (day: number) => boolean;
}

export type CronReading =
  | { readonly t: "cron"; readonly cron: Cron }
  | { readonly t: "refused"; readonly why: string };

export function readCron(text: string): CronReading {
  if (text.length > MAX_LENGTH) return refused(`it is longer than ${MAX_LENGTH} characters`);
  // node-cron 4.6 expands a range before it checks it: 0-999999999 would take minutes and gigabytes.
  const large = /\d{3,}/.exec(text);
  if (large !== null) return refused(`${large[0]} is too large`);
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5 && !text.trim().startsWith("@")) {
    return refused(`it has ${text.trim() === "" ? 0 : fields.length} fields`);
  }
  const parsed = validateDetailed(text);
  if (!parsed.valid || parsed.fields === undefined) {
    const faults = parsed.errors.map(({ field, value }) => `${field} ${value ?? ""}`.trim());
    return refused(`not understood: ${faults.join(", ")}`);
  }
  const cron = { minutes: minutesOf(parsed.fields), firesOn: daysOf(parsed.fields) };
  return firesEver(cron.firesOn) ? { t: "cron", cron } : refused("no such day exists");
}

/** Reads an expression that has been accepted before. */
export function toCron(text: string): Cron {
  const reading = readCron(text);
  if (reading.t === "refused") throw new Error(`cron expression "${text}": ${reading.why}`);
  return reading.cron;
}

function refused(why: string): CronReading {
  return { t: "refused", why };
}

/** Whether a condition holds on any day of the calendar. */
export function firesEver(firesOn: (day: number) => boolean): boolean {
  for (let day = ALL_KINDS_OF_YEARS.from; day < ALL_KINDS_OF_YEARS.to; day++) {
    if (firesOn(day)) return true;
  }
  return false;
}

function minutesOf({ hour, minute }: ParsedFields): number[] {
  const minutes = hour.flatMap((h) => minute.map((m) => h * 60 + m));
  return [...new Set(minutes)].sort((a, b) => a - b);
}

function daysOf(fields: ParsedFields): (day: number) => boolean {
  const months = new Set(fields.month);
  const isDayOfMonth = dayOfMonthRule(fields.dayOfMonth);
  const isDayOfWeek = dayOfWeekRule(fields.dayOfWeek);
  return (number) => {
    const day = calendarDay(number);
    return months.has(day.month) && isDayOfMonth(day) && isDayOfWeek(day);
  };
}
