/** Wakes a loop that has nothing to do. */

import type { Clock } from "./clock.js";

/** Serves one waiting loop. A ring while nobody waits is kept for the next wait. */
export class Wakeup {
  #notified = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#notified = true;
    this.#wake?.();
  }

  /** Returns at the ring, at the time or when the signal is aborted, whichever is first. */
  async wait(clock: Clock, untilMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#notified && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          cancel();
          signal.removeEventListener("abort", wake);
          this.#wake = undefined;
          resolve();
        };
        const cancel = clock.at(untilMs, wake);
        signal.addEventListener("abort", wake);
        this.#wake = wake;
      });
    }
    this.#notified = false;
  }
}
