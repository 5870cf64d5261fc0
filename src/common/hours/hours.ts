/** Active hours: their schema, cron expressions in a time zone, and whether they are active at a given time. */

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
      "A cron expression: minute, hour, day of month, month, day of week. It may have lists (1,2), ranges (1-5, fri-mon), " +
      "steps (*/15), names (mon, jan), L (last), 15W (nearest weekday), 1#2 (second Monday), or be @daily and the like. " +
      "If both day fields are set, both must match.",
    examples: ["0 7 * * 1-5"],
  });

export const timeZoneSchema = z
  .string()
  .max(64)
  .refine(isTimeZone, { error: "is not a time zone; allowed: an IANA name such as Europe/Berlin" })
  .meta({
    description:
      "An IANA time zone such as Europe/Berlin. Default: the agent's own, from its variable TZ, or UTC if that is not " +
      "set.",
    examples: ["Europe/Berlin", "America/New_York", "UTC"],
  });

const cronsSchema = z.union([cronSchema, z.array(cronSchema).min(1).max(MAX_EXPRESSIONS)], {
  error: `is not a cron expression; allowed: ${CRON_ALLOWED}, or a list of them`,
});

export const hoursSchema = z
  .strictObject({
    timeZone: timeZoneSchema.optional(),
    on: cronsSchema.meta({ description: "When it turns on: one cron expression or several." }),
    off: cronsSchema.meta({
      description:
        "When it turns off. If on and off name the same minute, it turns off: in doubt, nothing is filmed.",
    }),
  })
  .refine(goesOnEver, {
    path: ["on"],
    error: "never has an effect, because off names the same times; allowed: other times",
  })
  .meta({
    description:
      "Active hours: on from a time of `on` until the next time of `off`. The last of these times decides, however long " +
      "ago it was, also after a restart. A time that the clock skips in spring comes at the jump; of a time that comes " +
      "twice in autumn the first counts.",
    examples: [{ timeZone: "Europe/Berlin", on: "0 7 * * 1-5", off: "0 19 * * 1-5" }],
  });

export type Hours = z.infer<typeof hoursSchema>;

export interface Activity {
  readonly active: boolean;
  /** Wall-clock time of the next change; undefined: none is planned. */
  readonly nextChangeMs: number | undefined;
}

/** In a gap of the clock, times of on and off may coincide and change nothing. No more of them do. */
const MAX_WITHOUT_EFFECT = 50;

/** Whether hours are active. It depends on the time alone, so that the answer is right after a sleep or a restart, too. */
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
    ? refusal(`is not a cron expression: ${reading.why}`, CRON_ALLOWED)
    : "";
}
