// Keeps one half of the product running as a container runtime does: what ends is started again, soon, for ever.
import { setTimeout as delay } from "node:timers/promises";
import { type Started, start } from "../../test/support/processes.js";
import type { Scope } from "../../test/support/scope.js";

/** Docker's first delay; it stays so short here, since every end is one that was meant to happen. */
const RESTART_MS = 100;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export class Half {
  readonly #scope: Scope;
  readonly #lives: Started[] = [];
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #command: Command;

  constructor(scope: Scope, command: Command) {
    this.#scope = scope;
    this.#command = command;
    this.#lives.push(this.#start());
    this.#running = this.#keep();
  }

  /** The process of now, or the last one while there is none. */
  get current(): Started {
    const life = this.#lives.at(-1);
    if (life === undefined) throw new Error("it is started when it is made");
    return life;
  }

  /** Processes so far. */
  get lives(): readonly Started[] {
    return this.#lives;
  }

  /** Ends the process and has its successor run with other settings. */
  async replace(env: NodeJS.ProcessEnv): Promise<void> {
    this.#command = { ...this.#command, env };
    await this.current.stop();
  }

  /** Starts it no more and ends it. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.current.stop();
    await this.#running;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      await this.current.ended;
      // Rejects when it is stopped, which the next line sees.
      await delay(RESTART_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.#lives.push(this.#start());
    }
  }

  #start(): Started {
    const { program, args, env } = this.#command;
    return start(this.#scope, program, args, { env });
  }
}
