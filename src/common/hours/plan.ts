/** The minutes of a day at which something goes on or off, out of cron expressions. */

import { type Cron, firesEver, readCron, toCron } from "./cron.js";
import type { MinutesOn } from "./moments.js";

/** What is known of hours before they are checked. */
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
    // Days on which the same expressions fire are alike.
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

/** False: each moment of on is one of off, too. True as well for what is refused for another reason. */
export function goesOnEver(expressions: Expressions): boolean {
  const all = [expressions.on, expressions.off].flat();
  if (expressions.on.length === 0 || all.some((text) => readCron(text).t === "refused"))
    return true;
  const { on } = planOf(expressions);
  return firesEver((day) => on(day).length > 0);
}

/** The minutes of each day at which an expression fires. */
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
