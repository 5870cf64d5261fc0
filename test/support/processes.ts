// Starts real processes for a test, reads what they say, and ends them with all that they started.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { descendants, type Process, withEnvironment } from "./proc.js";
import { type Scope, until } from "./scope.js";

/** The mark by which a process is known as one that a test started, handed down to all that it starts. */
const MARK = "SLIPSTREAM_TEST_PROCESS";

export interface StartOptions {
  readonly cwd?: string;
  /** Added to this process's own environment; undefined takes a variable out. */
  readonly env?: NodeJS.ProcessEnv;
}

/** How a process ended: exactly one of the two is not null. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Starts a program. At the end of the scope nothing is left of it. */
export function start(
  scope: Scope,
  program: string,
  args: readonly string[],
  options: StartOptions = {},
): Started {
  const mark = randomUUID();
  const child = spawn(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, SLIPSTREAM_LIFELINE: "stdin", ...options.env, [MARK]: mark },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const started = new Started(child, mark, [program, ...args].join(" "));
  scope.after(() => started.sweep());
  return started;
}

/** A process that a test started. */
export class Started {
  /** Settles when the process has ended and all it said has been read. Never rejects. */
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #mark: string;
  readonly #command: string;
  readonly #lines: string[] = [];
  readonly #errorLines: string[] = [];
  #hasEnded = false;

  constructor(child: ChildProcess, mark: string, command: string) {
    this.#child = child;
    this.#mark = mark;
    this.#command = command;
    // The program may end before its input is written or closed.
    child.stdin?.on("error", () => {});
    collect(child.stdout, this.#lines);
    collect(child.stderr, this.#errorLines);
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#errorLines.push(error.message);
        if (child.pid === undefined) resolve({ code: 127, signal: null });
      });
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    void this.ended.then(() => {
      this.#hasEnded = true;
    });
  }

  /** Throws if the program could not be started. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(this.#story("was not started"));
    return this.#child.pid;
  }

  /** The lines that it wrote to its standard output so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The lines that it wrote to its standard error so far. */
  get errorLines(): readonly string[] {
    return this.#errorLines;
  }

  /** The first line, of either output, that matches; waits for it. Fails when the process ends without it. */
  async line(pattern: RegExp, timeoutMs: number): Promise<string> {
    const find = () => [...this.#lines, ...this.#errorLines].find((line) => pattern.test(line));
    try {
      const found = await until(
        String(pattern),
        timeoutMs,
        () => find() ?? (this.#hasEnded ? "" : undefined),
      );
      if (found !== "") return found;
    } catch (error) {
      throw new Error(this.#story(`did not say ${pattern} within ${timeoutMs} ms`), {
        cause: error,
      });
    }
    throw new Error(this.#story(`ended without saying ${pattern}`));
  }

  /** Whether it has ended, and all it said has been read. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Sends a signal to the process itself. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Writes a line to its standard input. */
  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Ends its standard input: its lifeline, where it has been told so. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** The end, which must come by itself in the time given. */
  async end(timeoutMs: number): Promise<Ended> {
    const timer = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
    const ended = await Promise.race([this.ended, late]);
    timer.abort();
    if (ended === undefined) throw new Error(this.#story(`still runs after ${timeoutMs} ms`));
    return ended;
  }

  /** Asks it to end, kills it if it does not in the time given, and returns how it ended. */
  async stop(graceMs = 2000): Promise<Ended> {
    this.signal("SIGTERM");
    try {
      return await this.end(graceMs);
    } catch {
      this.signal("SIGKILL");
      return this.ended;
    }
  }

  /** The processes that it started, directly or not, while their parents run. */
  descendants(): Promise<Process[]> {
    return descendants(this.pid);
  }

  /** What runs of it and of all that it ever started, orphans included. */
  left(): Promise<Process[]> {
    return withEnvironment(MARK, this.#mark);
  }

  /** Kills what is left of it and of all that it started. */
  async sweep(): Promise<void> {
    await until(`the end of ${this.#command}`, 5000, async () => {
      const left = await this.left();
      for (const { pid } of left) kill(pid);
      return left.length === 0;
    });
    await this.ended;
  }

  #story(what: string): string {
    const said = [...this.#lines.slice(-20), ...this.#errorLines.slice(-20)].join("\n  ");
    return `${this.#command} ${what}; it said:\n  ${said}`;
  }
}

function collect(stream: Readable | null, lines: string[]): void {
  if (stream === null) return;
  createInterface({ input: stream }).on("line", (line) => lines.push(line));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ESRCH: it has just ended by itself.
  }
}
