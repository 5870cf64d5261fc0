/** Waits for what another task, process or socket brings about, however busy the machine is. */

import { setTimeout } from "node:timers/promises";

const LIMIT_MS = 60_000;

/** Returns once the condition holds; throws when it does not within a minute. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`it never came about that ${what}`);
    await setTimeout(1);
  }
}
