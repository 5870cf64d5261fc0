// Starts a half as a process on this machine: the first of the ways to start one.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import type { Ending, Half, RunningHalf } from "./half.js";

/** What to run, and how. */
export interface Command {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** The file to which its output is appended. Without one it writes to the launcher's terminal. */
  readonly log?: string;
  /** Called with each line of its standard output, which then goes nowhere else. */
  readonly onLine?: (line: string) => void;
}

/**
 * A half that is a process.
 *
 * It leads a session of its own, so that Ctrl-C reaches the launcher alone. Its standard input is a pipe that ends with
 * the launcher, however that ends; the half watches it because SLIPSTREAM_LIFELINE says so.
 *
 * @param command gives the command of each start; it may wait for what it needs
 */
export function processHalf(
  facts: { readonly name: string; readonly log?: string },
  command: (signal: AbortSignal) => Promise<Command> | Command,
): Half {
  return { ...facts, start: async (signal) => startProcess(await command(signal)) };
}

function startProcess(command: Command): RunningHalf {
  const log = command.log === undefined ? undefined : openLog(command.log);
  const output = log ?? "inherit";
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    env: { ...command.env, SLIPSTREAM_LIFELINE: "stdin" },
    detached: true,
    stdio: ["pipe", command.onLine === undefined ? output : "pipe", output],
  });
  if (log !== undefined) closeSync(log);
  // An end of the child while the pipe is open is no error of ours.
  child.stdin?.on("error", () => {});
  if (command.onLine !== undefined && child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", command.onLine);
  }
  return {
    ended: ending(child),
    terminate: () => child.kill("SIGTERM"),
    kill: () => killGroup(child),
  };
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, "a");
}

function ending(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      // Also emitted when a signal cannot be sent; only a child without a pid was never there.
      if (child.pid === undefined) resolve({ t: "not-started", reason: error.message });
    });
    child.once("exit", (code, signal) => {
      killGroup(child); // what it leaves behind would hold the port against its successor
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
