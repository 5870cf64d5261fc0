/** A clock that stands still until a test moves it. */

import type { Clock } from "../time/clock.js";

export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ timeMs: number; callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  at(timeMs: number, callback: () => void): () => void {
    const timer = { timeMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** When the next callback is due; undefined if none is. */
  get nextMs(): number | undefined {
    const times = [...this.#timers].map(({ timeMs }) => timeMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Moves the time on and calls back what is due by then. */
  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers) {
      if (timer.timeMs > this.#nowMs) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}
