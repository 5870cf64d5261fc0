// Runs the halves together and ends them together.
import { setTimeout as delay } from "node:timers/promises";
import type { Half } from "./half.js";
import { keep } from "./keep.js";

/** From the word to stop, each half in turn gets so long before the next one is told. */
const TURN_MS = 400;
/** From the word to stop, what is still there after so long is killed. */
const KILL_AFTER_MS = 1500;

export interface LaunchOptions {
  /** In the order of their start; they are ended in the reverse order. */
  readonly halves: readonly Half[];
  /** Aborted: the user wants everything to end. */
  readonly stop: AbortSignal;
  /** Aborted: the user wants it at once. */
  readonly hurry: AbortSignal;
  /** Says a line to the user. */
  readonly say: (line: string) => void;
}

/** Returns the exit code once every half is gone: 0 when told to stop, or that of a half which gave up. */
export async function launch({ halves, stop, hurry, say }: LaunchOptions): Promise<number> {
  const kill = new AbortController();
  const kept = halves.map((half) => {
    const stopped = new AbortController();
    const ended = keep(half, { stop: stopped.signal, kill: kill.signal, say });
    return { stopped, ended };
  });
  const code = await Promise.race([aborted(stop), ...kept.map(({ ended }) => ended)]);

  const allEnded = Promise.all(kept.map(({ ended }) => ended));
  const timers = new AbortController();
  const killing = Promise.race([
    aborted(hurry),
    delay(KILL_AFTER_MS, undefined, { signal: timers.signal }).catch(() => {}),
  ]).then(() => kill.abort());
  for (const { stopped, ended } of kept.toReversed()) {
    stopped.abort();
    await Promise.race([
      ended,
      delay(TURN_MS, undefined, { signal: timers.signal }).catch(() => {}),
    ]);
  }
  await allEnded;
  timers.abort();
  await killing;
  return code ?? 0;
}

function aborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}
