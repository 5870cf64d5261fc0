/** Work by schedule: the window in which a rebuild may be made, and the jobs that run when they are due. */

import { isDeepStrictEqual } from "node:util";
import { createTask, type ScheduledTask } from "node-cron";
import { activeAt } from "../../common/hours/hours.js";
import type { MaintenanceSettings } from "../../common/hours/maintenance.js";
import { dueSince } from "../../common/hours/schedule.js";
import { processTimeZone } from "../../common/hours/time-zone.js";
import { Alarm } from "../../common/time/alarm.js";
import type { Clock } from "../../common/time/clock.js";

export type Rebuild =
  | { readonly t: "now" }
  /** Undefined: no window is planned. */
  | { readonly t: "later"; readonly atMs: number | undefined };

/** Whether a change that interrupts a stream may be applied. */
export function mayRebuild({ rebuilds, timeZone }: MaintenanceSettings, nowMs: number): Rebuild {
  if (rebuilds === undefined) return { t: "now" };
  const { active, nextChangeMs } = activeAt(rebuilds, nowMs, timeZone);
  return active ? { t: "now" } : { t: "later", atMs: nextChangeMs };
}

const JOBS = ["modelCheck", "report"] as const;

export type Job = (typeof JOBS)[number];

export interface MaintenanceOptions {
  /** Tells with the wall clock, Date.now(), that somebody has set that. */
  readonly clock: Clock;
  /** Starts a job. Does not throw. */
  readonly start: (job: Job) => void;
}

interface ScheduledJob {
  readonly at: string;
  readonly timeZone: string;
  lastRunMs: number;
  task: ScheduledTask | undefined;
}

/** A busy process is late by this much at most; node-cron skips what is later. */
const LATEST_MS = 60_000;

/** A clock that shows less has not been set since the machine started. */
const EARLIEST_MS = Date.UTC(2025);

/**
 * Runs the jobs as tasks of node-cron. A run counts as missed from the moment on at which its schedule was set: the start of
 * the agent polls the hub and reports anyway.
 *
 * Its task runner is right for jobs that may be late, and wrong once the wall clock is set: after a step back it waits until
 * the old time comes again, and after a step forward it walks through every run in between, which takes half an hour for a
 * job of every minute and a clock that showed 1970 (node-cron 4.6). So the tasks are made anew after a step, which also
 * catches up what was missed, and are not made before the clock is set. Hours and rebuild windows, which have to be right
 * at every moment, do without it: they are functions of the time (src/common/hours/).
 */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #jobs = new Map<Job, ScheduledJob>();
  readonly #alarm: Alarm;
  #isRunning = false;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    const { clock } = options;
    // Without a time it calls at steps of the wall clock alone.
    this.#alarm = new Alarm({ clock, wallClock: Date.now, due: () => this.#onClockStep() });
  }

  /** Replaces the schedules. */
  set({ timeZone = processTimeZone(), ...settings }: MaintenanceSettings): void {
    for (const name of JOBS) {
      const at = settings[name];
      const { lastRunMs, task, ...schedule } = this.#jobs.get(name) ?? {};
      if (at !== undefined && isDeepStrictEqual(schedule, { at, timeZone })) continue;
      void task?.destroy();
      this.#jobs.delete(name);
      if (at === undefined) continue;
      const job = { at, timeZone, lastRunMs: Date.now(), task: undefined };
      this.#jobs.set(name, job);
      this.#schedule(name, job);
    }
  }

  /** Runs until it is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    this.#isRunning = true;
    for (const [name, job] of this.#jobs) this.#schedule(name, job);
    await this.#alarm.run(signal);
    this.#isRunning = false;
    for (const job of this.#jobs.values()) void job.task?.destroy();
  }

  #schedule(name: Job, job: ScheduledJob): void {
    void job.task?.destroy();
    job.task = undefined;
    if (!this.#isRunning || Date.now() < EARLIEST_MS) return;
    job.task = createTask(job.at, () => this.#start(name, job), {
      timezone: job.timeZone,
      missedExecutionTolerance: LATEST_MS,
      suppressMissedWarning: true,
    });
    void job.task.start();
  }

  #onClockStep(): void {
    for (const [name, job] of this.#jobs) {
      if (dueSince(job, job.lastRunMs, Date.now()).missedMs !== undefined) this.#start(name, job);
      this.#schedule(name, job);
    }
  }

  #start(name: Job, job: ScheduledJob): void {
    job.lastRunMs = Date.now();
    this.#options.start(name);
  }
}
