/** Runs programs together, restarts those that exit, in the manner of Docker's restart policy, and stops all together. */

import { setTimeout as delay } from "node:timers/promises";
import { backoffMs } from "../common/time/backoff.js";
import { lastError } from "./last-error.js";
import { describe, type Exit, type Program, type RunningProgram } from "./program.js";

/** Programs are stopped one after another; each one has this long before the next one is told. */
const TURN_MS = 400;
/** What still runs this long after the stop is killed. */
const KILL_AFTER_MS = 1500;

export interface SupervisorOptions {
  /** Started in this order and stopped in the reverse order. */
  readonly programs: readonly Program[];
  /** Aborted: stop all programs. */
  readonly stop: AbortSignal;
  /** Aborted: kill them. */
  readonly hurry: AbortSignal;
  /** Prints a line for the user. */
  readonly print: (line: string) => void;
}

/** Returns when all programs have exited: 0 after a stop, or the exit code of a program that gave up. */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { programs, stop, hurry, print } = options;
  const kill = new AbortController();
  const running = programs.map((program) => {
    const stopped = new AbortController();
    return { stopped, ended: keepRunning(program, stopped.signal, kill.signal, print) };
  });
  const ends = running.map(({ ended }) => ended);
  const code = await Promise.race([aborted(stop), ...ends]);

  const timers = new AbortController();
  const timeout = (ms: number) => delay(ms, undefined, { signal: timers.signal }).catch(() => {});
  const killed = Promise.race([aborted(hurry), timeout(KILL_AFTER_MS)]).then(() => kill.abort());
  for (const { stopped, ended } of running.toReversed()) {
    stopped.abort();
    await Promise.race([ended, timeout(TURN_MS)]);
  }
  await Promise.all(ends);
  timers.abort();
  await killed;
  return code ?? 0;
}

/** Returns the exit code of a program that gave up, or null after a stop. */
async function keepRunning(
  program: Program,
  stop: AbortSignal,
  kill: AbortSignal,
  print: (line: string) => void,
): Promise<number | null> {
  let exits = 0;
  while (!stop.aborted) {
    const startedMs = performance.now();
    const exit = await runOnce(program, stop, kill);
    if (stop.aborted || exit === null) break;
    const next = afterExit(exit, performance.now() - startedMs, exits);
    if (next.t === "give-up") return next.code;
    exits = next.exits;
    if (next.print === "exit") print(`${program.name} ended (${describe(exit)}), restarting`);
    if (next.print === "crash loop") print(await crashLoop(program, exit));
    // Rejects after a stop, which ends the loop.
    await delay(next.delayMs, undefined, { signal: stop }).catch(() => {});
  }
  return null;
}

/** Returns null if the stop came before the start. */
async function runOnce(
  program: Program,
  stop: AbortSignal,
  kill: AbortSignal,
): Promise<Exit | null> {
  let running: RunningProgram;
  try {
    running = await program.start(stop);
  } catch (error) {
    if (stop.aborted) return null;
    return { t: "not-started", reason: error instanceof Error ? error.message : String(error) };
  }
  stop.addEventListener("abort", running.terminate, { once: true });
  kill.addEventListener("abort", running.kill, { once: true });
  // The signals may have come during the start.
  if (stop.aborted) running.terminate();
  if (kill.aborted) running.kill();
  try {
    return await running.exited;
  } finally {
    stop.removeEventListener("abort", running.terminate);
    kill.removeEventListener("abort", running.kill);
  }
}

async function crashLoop({ name, log }: Program, exit: Exit): Promise<string> {
  const reason = log === undefined ? undefined : await lastError(log);
  const why = reason === undefined ? "" : `: ${reason}`;
  const where = log === undefined ? "" : `; its log: ${log}`;
  return `${name} keeps ending (${describe(exit)})${why}${where}; restarting at least every 10 s`;
}

/** sysexits.h, EX_CONFIG: the program has reported an error in its configuration, which a restart would not fix. */
export const EXIT_BAD_CONFIGURATION = 78;

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 10_000;
const HEALTHY_AFTER_MS = 60_000;
const CRASH_LOOP_EXITS = 3;

export type AfterExit =
  | { readonly t: "give-up"; readonly code: number }
  | {
      readonly t: "restart";
      readonly delayMs: number;
      /** Consecutive exits, including this one. */
      readonly exits: number;
      /** The first exits are printed, then once that they go on, then nothing. */
      readonly print: "exit" | "crash loop" | "nothing";
    };

/**
 * Decides what follows an exit that nobody asked for.
 *
 * @param uptimeMs how long the program ran
 * @param exits consecutive exits before this one
 */
export function afterExit(exit: Exit, uptimeMs: number, exits: number): AfterExit {
  if (exit.t === "exited" && exit.code === EXIT_BAD_CONFIGURATION) {
    return { t: "give-up", code: exit.code };
  }
  const now = (uptimeMs >= HEALTHY_AFTER_MS ? 0 : exits) + 1;
  return {
    t: "restart",
    delayMs: backoffMs(now, FIRST_DELAY_MS, MAX_DELAY_MS),
    exits: now,
    print: now < CRASH_LOOP_EXITS ? "exit" : now === CRASH_LOOP_EXITS ? "crash loop" : "nothing",
  };
}

/** From now on the first SIGINT, SIGTERM or SIGHUP aborts stop, and the next one hurry. */
export function stopSignals(): { readonly stop: AbortSignal; readonly hurry: AbortSignal } {
  const stop = new AbortController();
  const hurry = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => (stop.signal.aborted ? hurry : stop).abort());
  }
  return { stop: stop.signal, hurry: hurry.signal };
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}
