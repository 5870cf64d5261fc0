/** Wakes a loop that is waiting. */

import type { Clock } from "./clock.js";

/** For one loop. A notification while it is not waiting ends its next wait at once. */
export class Wakeup {
  #notified = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#notified = true;
    this.#wake?.();
  }

  /** Returns when notified, at the given time, or when the signal is aborted, whichever comes first. */
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
