/** Calls back when the wall clock reaches a time, however the clock is set or the machine sleeps in between. */

import type { Clock } from "./clock.js";
import { Wakeup } from "./wakeup.js";

/** How often the wall clock is looked at in any case: a timer of the process stands still while the machine sleeps. */
const LOOK_EVERY_MS = 60_000;

/** The wall clock has moved against the monotonic one by more than this between two looks: somebody has set it. */
const STEP_MS = 1000;

/** Shortest time between two calls. A time in the past, set again and again, may not occupy the process. */
const QUIET_MS = 1000;

export interface AlarmOptions {
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** Asks to look again what is to be: the time has come, or the clock was set and nothing planned by it holds. */
  readonly due: () => void;
}

/**
 * The looks are taken by the monotonic clock. A task of node-cron would not do: after a step back it waits until the
 * old time comes again, and after one from 1970 it counts the moments since as missed, one by one: half an hour of
 * standstill for a task of every minute (node-cron 4.6).
 */
export class Alarm {
  readonly #options: AlarmOptions;
  readonly #wakeup = new Wakeup();
  #atMs: number | undefined;

  constructor(options: AlarmOptions) {
    this.#options = options;
  }

  /** Replaces the time that was set before. Undefined: only a step of the clock calls back. */
  set(atMs: number | undefined): void {
    this.#atMs = atMs;
    this.#wakeup.notify();
  }

  /** Runs until it is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, wallClock, due } = this.#options;
    let ahead = wallClock() - clock.now();
    let quietUntil = clock.now();
    while (!signal.aborted) {
      const wasAhead = ahead;
      ahead = wallClock() - clock.now();
      const stepped = Math.abs(ahead - wasAhead) > STEP_MS;
      if (stepped || (this.#restMs() <= 0 && clock.now() >= quietUntil)) {
        quietUntil = clock.now() + QUIET_MS;
        // What is planned next is for the one who is called to say.
        this.#atMs = undefined;
        due();
      }
      const wakeMs = clock.now() + Math.min(LOOK_EVERY_MS, this.#restMs());
      await this.#wakeup.wait(clock, Math.max(wakeMs, quietUntil), signal);
    }
  }

  #restMs(): number {
    return (this.#atMs ?? Number.POSITIVE_INFINITY) - this.#options.wallClock();
  }
}
