/** Waits for what another task, process or socket brings about, however busy the machine is. */

import { setImmediate, setTimeout } from "node:timers/promises";

const LIMIT_MS = 60_000;

/** What this process brings about takes it a few turns; for anything else the processor is left to others. */
const QUICK_TURNS = 50;

/** Returns once the condition holds; throws when it does not within a minute. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  for (let turn = 0; !condition(); turn++) {
    if (performance.now() > deadline) throw new Error(`it never came about that ${what}`);
    await (turn < QUICK_TURNS ? setImmediate() : setTimeout(2));
  }
}
