/** The minutes of a day at which cron expressions turn something on or off. */

import { type Cron, firesEver, readCron, toCron } from "./cron.js";
import type { MinutesOn } from "./moments.js";

/** Hours that need not be valid. */
export interface Expressions {
  readonly on: string | readonly string[];
  readonly off: string | readonly string[];
}

export interface Plan {
  /** Without the minutes of off. */
  readonly on: MinutesOn;
  readonly off: MinutesOn;
}

export function planOf(expressions: Expressions): Plan {
  const on = cronsOf(expressions.on);
  const off = cronsOf(expressions.off);
  const days = new Map<string, { on: readonly number[]; off: readonly number[] }>();
  const planOn = (day: number) => {
    // Days on which the same expressions fire have the same plan.
    const kind = [...on, ...off].map((cron) => (cron.firesOn(day) ? "1" : "0")).join("");
    let plan = days.get(kind);
    if (plan === undefined) {
      const offMinutes = minutesOn(off, day);
      const without = new Set(offMinutes);
      plan = { on: minutesOn(on, day).filter((minute) => !without.has(minute)), off: offMinutes };
      days.set(kind, plan);
    }
    return plan;
  };
  return { on: (day) => planOn(day).on, off: (day) => planOn(day).off };
}

/** False: each time of on is one of off, too. Also true for hours that are invalid for another reason. */
export function goesOnEver(expressions: Expressions): boolean {
  const all = [expressions.on, expressions.off].flat();
  if (expressions.on.length === 0 || all.some((text) => readCron(text).t === "refused"))
    return true;
  const { on } = planOf(expressions);
  return firesEver((day) => on(day).length > 0);
}

/** The minutes of each day at which any of the expressions fires. */
export function minutesOf(expressions: string | readonly string[]): MinutesOn {
  const crons = cronsOf(expressions);
  return (day) => minutesOn(crons, day);
}

function minutesOn(crons: readonly Cron[], day: number): number[] {
  const minutes = crons.flatMap((cron) => (cron.firesOn(day) ? cron.minutes : []));
  return [...new Set(minutes)].sort((a, b) => a - b);
}

function cronsOf(expressions: string | readonly string[]): Cron[] {
  return (typeof expressions === "string" ? [expressions] : expressions).map(toCron);
}
