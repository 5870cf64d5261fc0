// Keeps one half running: starts it, and starts it again when it ends, until it is told to stop.
import { setTimeout as delay } from "node:timers/promises";
import { describe, type Ending, type Half } from "./half.js";
import { lastError } from "./log-tail.js";
import { afterEnd } from "./restart.js";

export interface KeepOptions {
  /** Aborted: the half is asked to end and is not started again. */
  readonly stop: AbortSignal;
  /** Aborted: it is killed. */
  readonly kill: AbortSignal;
  /** Says a line to the user. */
  readonly say: (line: string) => void;
}

/** Returns once the half is gone: the exit code to give up with, or null because it was told to stop. */
export async function keep(half: Half, { stop, kill, say }: KeepOptions): Promise<number | null> {
  let ends = 0;
  while (!stop.aborted) {
    const startedMs = performance.now();
    const ending = await runOnce(half, stop, kill);
    if (stop.aborted || ending === null) break;
    const next = afterEnd(ending, performance.now() - startedMs, ends);
    if (next.t === "give-up") return next.code;
    ends = next.ends;
    if (next.news === "ended") say(`${half.name} ended (${describe(ending)}) and is started again`);
    if (next.news === "keeps-ending") say(await complaint(half, ending));
    // Rejects when told to stop, which the loop's condition sees.
    await delay(next.delayMs, undefined, { signal: stop }).catch(() => {});
  }
  return null;
}

/** Runs a half until it ends, or returns null when it was told to stop before it was started. */
async function runOnce(half: Half, stop: AbortSignal, kill: AbortSignal): Promise<Ending | null> {
  let running: Awaited<ReturnType<Half["start"]>>;
  try {
    running = await half.start(stop);
  } catch (error) {
    if (stop.aborted) return null;
    return { t: "not-started", reason: error instanceof Error ? error.message : String(error) };
  }
  stop.addEventListener("abort", running.terminate, { once: true });
  kill.addEventListener("abort", running.kill, { once: true });
  // It may have been told while it was started.
  if (stop.aborted) running.terminate();
  if (kill.aborted) running.kill();
  try {
    return await running.ended;
  } finally {
    stop.removeEventListener("abort", running.terminate);
    kill.removeEventListener("abort", running.kill);
  }
}

async function complaint(half: Half, ending: Ending): Promise<string> {
  const reason = half.log === undefined ? undefined : await lastError(half.log);
  const why = reason === undefined ? "" : `: ${reason}`;
  const where = half.log === undefined ? "" : `; its log: ${half.log}`;
  return `${half.name} keeps ending (${describe(ending)})${why}${where}; it is tried on, every 10 s at most`;
}
