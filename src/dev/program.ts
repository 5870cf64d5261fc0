/** A program that the supervisor runs: started as a process, of which a Docker client is one kind. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";

export interface Program {
  /** As messages name it. */
  readonly name: string;
  /** Its log file, unless it logs to the terminal. */
  readonly log?: string;
  /** May first wait for something that the program needs; the signal ends that wait with a rejection. */
  start(signal: AbortSignal): Promise<RunningProgram>;
}

export interface RunningProgram {
  /** Resolves when the program and everything that it started is gone. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Asks it to exit. */
  terminate(): void;
  /** Ends it, and everything that it started, at once. */
  kill(): void;
}

export type Exit =
  | { readonly t: "exited"; readonly code: number }
  | { readonly t: "killed"; readonly signal: string }
  | { readonly t: "not-started"; readonly reason: string };

export function describe(exit: Exit): string {
  switch (exit.t) {
    case "exited":
      return `exit code ${exit.code}`;
    case "killed":
      return exit.signal;
    case "not-started":
      return exit.reason;
    default:
      return exit satisfies never;
  }
}

export interface Command {
  readonly name: string;
  /** Output is appended to this file; without one it goes to the terminal. */
  readonly log?: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Receives each line of standard output, which then goes nowhere else. */
  readonly onLine?: (line: string) => void;
}

/**
 * A program that leads its own session, so that Ctrl-C reaches only the supervisor. Its standard input is a pipe that ends
 * with the supervisor, however that ends; the program watches the pipe because SLIPSTREAM_LIFELINE tells it to.
 *
 * @param command gives the command of each start; it may wait for what the program needs
 */
export function processProgram(
  { name, log }: Pick<Program, "name" | "log">,
  command: (signal: AbortSignal) => Promise<Command> | Command,
): Program {
  const named = log === undefined ? { name } : { name, log };
  return { ...named, start: async (signal) => startProcess(await command(signal)) };
}

function startProcess({ program, args, cwd, env, log, onLine }: Command): RunningProgram {
  const logFile = log === undefined ? undefined : openLog(log);
  const output = logFile ?? "inherit";
  const child = spawn(program, args, {
    cwd,
    env: { ...env, SLIPSTREAM_LIFELINE: "stdin" },
    detached: true,
    stdio: ["pipe", onLine === undefined ? output : "pipe", output],
  });
  if (logFile !== undefined) closeSync(logFile);
  // The pipe breaks when the child exits.
  child.stdin?.on("error", () => {});
  if (onLine !== undefined && child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", onLine);
  }
  return {
    exited: exitOf(child),
    terminate: () => child.kill("SIGTERM"),
    kill: () => killGroup(child),
  };
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, "a");
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      // Also emitted when a signal cannot be sent; only a child that was never started has no pid.
      if (child.pid === undefined) resolve({ t: "not-started", reason: error.message });
    });
    child.once("exit", (code, signal) => {
      killGroup(child); // orphans would hold the port against the next start
      resolve(code === null ? { t: "killed", signal: signal ?? "?" } : { t: "exited", code });
    });
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // ESRCH: nobody is left in the group.
  }
}
