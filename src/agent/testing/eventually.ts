/** Waits for what other tasks of this process bring about. */

import { setImmediate } from "node:timers/promises";

/** Returns once the condition holds; fails when it does not within half a minute. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`it never came about that ${what}`);
    await setImmediate();
  }
}
