/** Keeps the trial record in a file. Where that cannot be written, the agent keeps running with the record in memory. */

import { renameSync } from "node:fs";
import { join } from "node:path";
import { readIfThereSync, writeDurablySync } from "../../common/files/durable.js";
import { errorCode } from "../../common/files/read.js";
import { formatRecord, NEW_RECORD, parseRecord, type TrialRecord } from "./record.js";

/**
 * record unreadable: a new record begins; the file was renamed to `aside`, unless even that failed. record not saved: sent
 * once until saving works again.
 */
export type StoreEvent = { readonly path: string } & (
  | { readonly t: "record unreadable"; readonly aside: string; readonly err: Error }
  | { readonly t: "record not saved"; readonly code: string; readonly err: Error }
  | { readonly t: "record saved again" }
);

export interface StoreOptions {
  /** The agent's own; survives upgrades of the service. */
  readonly directory: string;
  /** Must not throw. */
  readonly onEvent: (event: StoreEvent) => void;
}

/** Blocks while it writes, a few times per trial and now and then in between: a verdict is durable before it has effects. */
export class TrialStore {
  readonly #path: string;
  readonly #onEvent: StoreOptions["onEvent"];
  #record: TrialRecord;
  /** Why the last attempt to write failed. Undefined: it did not. */
  #failure: string | undefined;

  /** Reads the file, and renames one that is unreadable. */
  constructor({ directory, onEvent }: StoreOptions) {
    this.#path = join(directory, "trials.json");
    this.#onEvent = onEvent;
    this.#record = this.#read();
  }

  get record(): TrialRecord {
    return this.#record;
  }

  /** Returns whether the record is durable, even if the power fails. */
  save(record: TrialRecord): boolean {
    const path = this.#path;
    this.#record = record;
    try {
      writeDurablySync(path, formatRecord(record));
    } catch (reason) {
      const err = asError(reason);
      const code = errorCode(err) ?? err.name;
      if (this.#failure !== code) this.#onEvent({ t: "record not saved", path, code, err });
      this.#failure = code;
      return false;
    }
    if (this.#failure !== undefined) this.#onEvent({ t: "record saved again", path });
    this.#failure = undefined;
    return true;
  }

  #read(): TrialRecord {
    const path = this.#path;
    try {
      const text = readIfThereSync(path);
      return text === undefined ? NEW_RECORD : parseRecord(text);
    } catch (reason) {
      const aside = `${path}.unreadable`;
      try {
        renameSync(path, aside);
      } catch {
        // The file stays where it is, and save() reports what is wrong with the directory.
      }
      this.#onEvent({ t: "record unreadable", path, aside, err: asError(reason) });
      return NEW_RECORD;
    }
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
