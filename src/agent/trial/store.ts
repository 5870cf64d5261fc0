/** Keeps the memory of trials in one file. Without it the agent runs on, and remembers until it ends. */

import { renameSync } from "node:fs";
import { join } from "node:path";
import { readIfThereSync, writeDurablySync } from "../../common/files/durable.js";
import { errorCode } from "../../common/files/error-code.js";
import type { StoreEvent } from "./events.js";
import { type Memory, NEW_MEMORY } from "./memory.js";
import { readMemory, writeMemory } from "./memory-file.js";

export interface StoreOptions {
  /** The agent's own; survives upgrades of the service. */
  readonly directory: string;
  /** Must not throw. */
  readonly trace: (event: StoreEvent) => void;
}

/**
 * Written a few times at every trial and now and then in between, and waited for: a verdict is on the disk before
 * anything follows from it.
 */
export class TrialStore {
  readonly #path: string;
  readonly #trace: StoreOptions["trace"];
  #memory: Memory;
  /** Why the last attempt to write failed; undefined: it did not. */
  #trouble: string | undefined;

  /** Reads the file. What is unreadable is put aside. */
  constructor({ directory, trace }: StoreOptions) {
    this.#path = join(directory, "trials.json");
    this.#trace = trace;
    this.#memory = this.#read();
  }

  get memory(): Memory {
    return this.#memory;
  }

  /** Remembers this from now on. True: even after the power fails. */
  keep(memory: Memory): boolean {
    this.#memory = memory;
    try {
      writeDurablySync(this.#path, writeMemory(memory));
    } catch (reason) {
      const err = asError(reason);
      const code = errorCode(err) ?? err.name;
      if (this.#trouble !== code)
        this.#trace({ t: "memory not kept", path: this.#path, code, err });
      this.#trouble = code;
      return false;
    }
    if (this.#trouble !== undefined) this.#trace({ t: "memory kept again", path: this.#path });
    this.#trouble = undefined;
    return true;
  }

  #read(): Memory {
    try {
      const text = readIfThereSync(this.#path);
      return text === undefined ? NEW_MEMORY : readMemory(text);
    } catch (reason) {
      const aside = `${this.#path}.unreadable`;
      try {
        renameSync(this.#path, aside);
      } catch {
        // It stays where it is, and keep() will tell what is wrong with the place.
      }
      this.#trace({ t: "memory lost", path: this.#path, aside, err: asError(reason) });
      return NEW_MEMORY;
    }
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
