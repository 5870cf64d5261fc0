/** Hours: when something is on, as cron expressions in a time zone; and whether it is on at a moment. */

import { z } from "zod";
import { refusal } from "../problem.js";
import { CRON_ALLOWED, readCron } from "./cron.js";
import { lastMoment, nextMoment } from "./moments.js";
import { goesOnEver, planOf } from "./plan.js";
import { isTimeZone, processTimeZone, TimeZone } from "./time-zone.js";

const MAX_EXPRESSIONS = 16;

/** One cron expression. */
export const cronSchema = z
  .string()
  .refine((text) => readCron(text).t === "cron", { error: ({ input }) => cronFault(input) })
  .meta({
    description:
      "A cron expression: minute, hour, day of month, month, day of week. Lists (1,2), ranges (1-5, fri-mon), steps " +
      "(*/15), names (mon, jan), L (last), 15W (nearest weekday), 1#2 (second Monday) and @daily are understood. If " +
      "both day fields are set, both must match.",
    examples: ["0 7 * * 1-5"],
  });

export const timeZoneSchema = z
  .string()
  .max(64)
  .refine(isTimeZone, { error: "is no time zone; allowed: an IANA name such as Europe/Berlin" })
  .meta({
    description:
      "An IANA time zone such as Europe/Berlin. Default: the time zone of the agent, which is that of its variable TZ, " +
      "or UTC where that is not set.",
    examples: ["Europe/Berlin", "America/New_York", "UTC"],
  });

const cronsSchema = z.union([cronSchema, z.array(cronSchema).min(1).max(MAX_EXPRESSIONS)], {
  error: `is no cron expression; allowed: ${CRON_ALLOWED}, or a list of such`,
});

export const hoursSchema = z
  .strictObject({
    timeZone: timeZoneSchema.optional(),
    on: cronsSchema.meta({ description: "When it goes on: one cron expression or several." }),
    off: cronsSchema.meta({
      description:
        "When it goes off. A minute that both on and off name is one of off: where there is doubt, nothing is filmed.",
    }),
  })
  .refine(goesOnEver, {
    path: ["on"],
    error: "never has an effect: each of its moments is one of off, too; allowed: other moments",
  })
  .meta({
    description:
      "Active hours. It is on from a moment of `on` to the next moment of `off`, and so it is after a restart, too: " +
      "what counts is the last moment that has passed, however long ago. A time that the clock skips in spring comes at " +
      "the jump; a time that comes twice in autumn counts the first time.",
    examples: [{ timeZone: "Europe/Berlin", on: "0 7 * * 1-5", off: "0 19 * * 1-5" }],
  });

export type Hours = z.infer<typeof hoursSchema>;

export interface Activity {
  readonly active: boolean;
  /** Wall-clock time of the next change; undefined: none is planned. */
  readonly nextChangeMs: number | undefined;
}

/** In a gap of the clock, moments of on and off may fall together and change nothing; more than this many do not. */
const MAX_WITHOUT_EFFECT = 50;

/** Whether it is on at a moment. A function of the time alone: whoever slept over a change finds the right answer. */
export function activeAt(hours: Hours, nowMs: number, zone = processTimeZone()): Activity {
  const timeZone = new TimeZone(hours.timeZone ?? zone);
  const { on, off } = planOf(hours);
  const isActive = (atMs: number) => {
    const lastOn = lastMoment(on, timeZone, atMs)?.wallMinute ?? Number.NEGATIVE_INFINITY;
    return lastOn > (lastMoment(off, timeZone, atMs)?.wallMinute ?? Number.NEGATIVE_INFINITY);
  };
  const active = isActive(nowMs);
  let atMs = nowMs;
  for (let tried = 0; tried < MAX_WITHOUT_EFFECT; tried++) {
    const next = nextMoment(active ? off : on, timeZone, atMs);
    if (next === undefined) break;
    atMs = next.atMs;
    if (isActive(atMs) !== active) return { active, nextChangeMs: atMs };
  }
  return { active, nextChangeMs: undefined };
}

function cronFault(input: unknown): string {
  const reading = readCron(String(input));
  return reading.t === "refused"
    ? refusal(`is no cron expression: ${reading.why}`, CRON_ALLOWED)
    : "";
}
