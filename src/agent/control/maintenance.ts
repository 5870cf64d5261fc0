/** Work by schedule: the window for rebuilds, and the jobs of the agent. */

import { isDeepStrictEqual } from "node:util";
import { createTask, type ScheduledTask } from "node-cron";
import { activeAt } from "../../common/hours/hours.js";
import type { MaintenanceSettings } from "../../common/hours/maintenance.js";
import { missedSince } from "../../common/hours/schedule.js";
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
  /** Shows when the wall clock is set, which moves against it. */
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

/** A clock that shows an earlier time has not been set since the machine started. */
const EARLIEST_MS = Date.UTC(2025);

/**
 * Runs the jobs as tasks of node-cron, by the clock of the process. A run can be missed only after its schedule was set: the
 * start of the agent polls the hub and reports anyway.
 *
 * The runner of node-cron is right for jobs that may be late. It is wrong after a step of the wall clock (see Alarm), so the
 * tasks wait for a clock that is set, and are replaced after a step, when missed runs are caught up once. Hours and rebuild
 * windows must be right at every moment and do not use it: they are functions of the time (src/common/hours/).
 */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #jobs = new Map<Job, ScheduledJob>();
  readonly #alarm: Alarm;
  #isRunning = false;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    const { clock } = options;
    // Without a time, it only reports steps of the wall clock.
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
      // node-cron makes up for the last of the runs that a busy process has missed.
      missedExecutionTolerance: Number.POSITIVE_INFINITY,
      suppressMissedWarning: true,
    });
    void job.task.start();
  }

  #onClockStep(): void {
    for (const [name, job] of this.#jobs) {
      if (missedSince(job, job.lastRunMs, Date.now()) !== undefined) this.#start(name, job);
      this.#schedule(name, job);
    }
  }

  #start(name: Job, job: ScheduledJob): void {
    job.lastRunMs = Date.now();
    this.#options.start(name);
  }
}
