// Runs one half of the product (agent or sidecar) as a container runtime does: whenever it exits, it is started again.
import { setTimeout as delay } from "node:timers/promises";
import { type Started, start } from "../../test/support/processes.js";
import type { Scope } from "../../test/support/scope.js";

/** Docker's first delay. It does not grow here, because every exit is intended. */
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

  /** The current process, or the last one while none runs. */
  get current(): Started {
    const life = this.#lives.at(-1);
    if (life === undefined) throw new Error("the constructor starts the first process");
    return life;
  }

  /** All processes so far. */
  get lives(): readonly Started[] {
    return this.#lives;
  }

  /** Stops the process; the next one runs with these settings. */
  async replace(env: NodeJS.ProcessEnv): Promise<void> {
    this.#command = { ...this.#command, env };
    await this.current.stop();
  }

  /** Stops it for good. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.current.stop();
    await this.#running;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      await this.current.ended;
      // Rejects when it is stopped, which the next line checks.
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
