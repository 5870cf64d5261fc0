/** Calls back when the wall clock reaches a time, even if the clock is set or the machine sleeps in between. */

import type { Clock } from "./clock.js";
import { Wakeup } from "./wakeup.js";

/** The wall clock is checked at least this often: timers of the process stand still while the machine sleeps. */
const CHECK_INTERVAL_MS = 60_000;

/** The wall clock was set if it moved by more than this against the monotonic clock between two checks. */
const STEP_MS = 1000;

/** Least time between two calls, so that a time in the past that is set again and again does not occupy the process. */
const MIN_INTERVAL_MS = 1000;

export interface AlarmOptions {
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** Called when the time has come, or when the clock was set, so that nothing planned by it holds any more. */
  readonly due: () => void;
}

/**
 * Checks by the monotonic clock. A node-cron task would not do: after the clock is set back it waits until the old time
 * comes again, and after a step from 1970 it counts every run since as missed, one by one: half an hour of standstill
 * for a task that runs every minute (node-cron 4.6).
 */
export class Alarm {
  readonly #options: AlarmOptions;
  readonly #wakeup = new Wakeup();
  #atMs: number | undefined;

  constructor(options: AlarmOptions) {
    this.#options = options;
  }

  /** Replaces the previous time. Undefined: only a step of the clock calls back. */
  set(atMs: number | undefined): void {
    this.#atMs = atMs;
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, wallClock, due } = this.#options;
    let offsetMs = wallClock() - clock.now();
    let earliestMs = clock.now();
    while (!signal.aborted) {
      const previousMs = offsetMs;
      offsetMs = wallClock() - clock.now();
      const wasSet = Math.abs(offsetMs - previousMs) > STEP_MS;
      if (wasSet || (this.#remainingMs() <= 0 && clock.now() >= earliestMs)) {
        earliestMs = clock.now() + MIN_INTERVAL_MS;
        // due() may set the next time.
        this.#atMs = undefined;
        due();
      }
      const wakeMs = clock.now() + Math.min(CHECK_INTERVAL_MS, this.#remainingMs());
      await this.#wakeup.wait(clock, Math.max(wakeMs, earliestMs), signal);
    }
  }

  #remainingMs(): number {
    return (this.#atMs ?? Number.POSITIVE_INFINITY) - this.#options.wallClock();
  }
}
