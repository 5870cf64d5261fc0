/** Work by schedule: its settings, the window in which a rebuild may be made, and the calls when a job is due. */

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { Alarm } from "../time/alarm.js";
import type { Clock } from "../time/clock.js";
import { activeAt, cronSchema, hoursSchema, timeZoneSchema } from "./hours.js";
import { dueSince, type Schedule } from "./schedule.js";

export const maintenanceSchema = z
  .strictObject({
    timeZone: timeZoneSchema.optional(),
    rebuilds: hoursSchema
      .meta({
        description:
          "When changes may go in that interrupt the picture; at other times they wait for it. Changes that go in " +
          "live never wait. Default: at any time.",
        examples: [{ on: "0 2 * * *", off: "0 4 * * *" }],
      })
      .optional(),
    modelCheck: cronSchema
      .meta({ description: "When the hub is asked for models and settings, beside the polling." })
      .optional(),
    report: cronSchema
      .meta({ description: "When the state of everything is written to the log." })
      .optional(),
  })
  .meta({ description: "Work by schedule. Runs that were missed are caught up, once." });

export type MaintenanceSettings = z.infer<typeof maintenanceSchema>;

export type Rebuild =
  | { readonly t: "now" }
  /** Undefined: no window is planned. */
  | { readonly t: "later"; readonly atMs: number | undefined };

/** Whether a change that interrupts the picture may go in. */
export function mayRebuild({ rebuilds, timeZone }: MaintenanceSettings, nowMs: number): Rebuild {
  if (rebuilds === undefined) return { t: "now" };
  const { active, nextChangeMs } = activeAt(rebuilds, nowMs, timeZone);
  return active ? { t: "now" } : { t: "later", atMs: nextChangeMs };
}

const JOBS = ["modelCheck", "report"] as const;

export type Job = (typeof JOBS)[number];

export interface MaintenanceOptions {
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** Starts a job. Does not throw. */
  readonly start: (job: Job) => void;
}

/**
 * Starts the jobs when they are due. A run counts as missed from the moment on at which its schedule was set: what
 * fell into a time in which the agent did not run is done by its start, which polls the hub and reports anyway.
 */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #alarm: Alarm;
  readonly #lastRunMs = new Map<Job, number>();
  #settings: MaintenanceSettings = {};

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    const { clock, wallClock } = options;
    this.#alarm = new Alarm({ clock, wallClock, due: () => this.#startDue() });
  }

  /** Replaces the schedules. */
  set(settings: MaintenanceSettings): void {
    for (const job of JOBS) {
      if (isDeepStrictEqual(scheduleOf(job, settings), scheduleOf(job, this.#settings))) continue;
      this.#lastRunMs.set(job, this.#options.wallClock());
    }
    this.#settings = settings;
    this.#startDue();
  }

  /** Runs until it is aborted. */
  run(signal: AbortSignal): Promise<void> {
    return this.#alarm.run(signal);
  }

  #startDue(): void {
    const nowMs = this.#options.wallClock();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const job of JOBS) {
      const schedule = scheduleOf(job, this.#settings);
      if (schedule === undefined) continue;
      const due = dueSince(schedule, this.#lastRunMs.get(job) ?? nowMs, nowMs);
      nextMs = Math.min(nextMs, due.nextMs ?? Number.POSITIVE_INFINITY);
      if (due.missedMs === undefined) continue;
      this.#lastRunMs.set(job, nowMs);
      this.#options.start(job);
    }
    this.#alarm.set(nextMs);
  }
}

function scheduleOf(job: Job, settings: MaintenanceSettings): Schedule | undefined {
  const at = settings[job];
  return at === undefined ? undefined : { timeZone: settings.timeZone, at };
}
