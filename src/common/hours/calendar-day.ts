/** Calendar days, and the rules for them in the two day fields of a cron expression. */

export interface CalendarDay {
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly date: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Last date of its month. */
  readonly lastDate: number;
}

const DAY_MS = 86_400_000;

/** `day`: a number of days since 1970-01-01. */
export function calendarDay(day: number): CalendarDay {
  const time = new Date(day * DAY_MS);
  const month = time.getUTCMonth() + 1;
  return {
    month,
    date: time.getUTCDate(),
    weekday: time.getUTCDay(),
    lastDate: new Date(Date.UTC(time.getUTCFullYear(), month, 0)).getUTCDate(),
  };
}

export type DayRule = (day: CalendarDay) => boolean;

/** The field "day of month" as node-cron parses it: 15, L (the last), L-3, 15W (the nearest weekday), LW. */
export function dayOfMonthRule(field: readonly (number | string)[]): DayRule {
  const dates = new Set(field);
  const rules = textsOf(field).map(specialDayOfMonth);
  return (day) => dates.has(day.date) || rules.some((matches) => matches(day));
}

/** The field "day of week": 1, 5L (the last Friday), 1#2 (the second Monday). */
export function dayOfWeekRule(field: readonly (number | string)[]): DayRule {
  const weekdays = new Set(field);
  const rules = textsOf(field).map(specialDayOfWeek);
  return (day) => weekdays.has(day.weekday) || rules.some((matches) => matches(day));
}

function textsOf(field: readonly (number | string)[]): string[] {
  return field.filter((value) => typeof value === "string");
}

function specialDayOfMonth(value: string): DayRule {
  const { before, near } = /^L(?:-(?<before>\d+))?$|^(?<near>\d+|L)W$/.exec(value)?.groups ?? {};
  if (near !== undefined) {
    return (day) => day.date === nearestWeekday(near === "L" ? day.lastDate : Number(near), day);
  }
  if (!value.startsWith("L")) throw new Error(`day of month ${value}`);
  return ({ date, lastDate }) => date === lastDate - Number(before ?? 0);
}

function specialDayOfWeek(value: string): DayRule {
  const [, named, nth] = /^([0-7])(?:L|#([1-5]))$/.exec(value) ?? [];
  if (named === undefined) throw new Error(`day of week ${value}`);
  const wanted = Number(named) % 7;
  return ({ weekday, date, lastDate }) =>
    weekday === wanted &&
    (nth === undefined ? date + 7 > lastDate : Math.ceil(date / 7) === Number(nth));
}

/** The nearest day from Monday to Friday in the same month. Undefined: the month has no such date. */
function nearestWeekday(
  wanted: number,
  { date, weekday, lastDate }: CalendarDay,
): number | undefined {
  if (wanted > lastDate) return undefined;
  switch ((((weekday + wanted - date) % 7) + 7) % 7) {
    case 6:
      return wanted === 1 ? 3 : wanted - 1;
    case 0:
      return wanted === lastDate ? lastDate - 2 : wanted + 1;
    default:
      return wanted;
  }
}
