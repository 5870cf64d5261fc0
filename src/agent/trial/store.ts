/**
 * Keeps the trial record in a file, the settings in it sealed. Where that cannot be written, the agent keeps running with
 * the record in memory.
 */

import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { readIfThereSync, writeDurablySync } from "../../common/files/durable.js";
import { errorCode } from "../../common/files/read.js";
import { formatRecord, NEW_RECORD, parseRecord, type TrialRecord } from "./record.js";
import { newKey, readKey, seal, unseal } from "./sealed.js";

/**
 * settings unreadable: the last good ones cannot be unsealed, so that nothing rolls back until something passes again.
 * record unreadable: a new record begins; the file was renamed to `aside`, unless even that failed. record not saved: sent
 * once until saving works again.
 */
export type StoreEvent = { readonly path: string } & (
  | { readonly t: "record unreadable"; readonly aside: string; readonly err: Error }
  | { readonly t: "record not saved"; readonly code: string; readonly err: Error }
  | { readonly t: "record saved again" }
  | { readonly t: "settings unreadable" }
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
  readonly #keyPath: string;
  readonly #onEvent: StoreOptions["onEvent"];
  #record: TrialRecord;
  /** Why the last attempt to write failed. Undefined: it did not. */
  #failure: string | undefined;

  /** Reads the file, and renames one that is unreadable. */
  constructor({ directory, onEvent }: StoreOptions) {
    this.#path = join(directory, "trials.json");
    this.#keyPath = join(directory, "trials.key");
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
      writeDurablySync(path, formatRecord(this.#sealed(record)));
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

  /** Throws file system errors. */
  #sealed(record: TrialRecord): TrialRecord {
    const { lastGood } = record;
    if (lastGood === undefined) return record;
    let key = readKey(readIfThereSync(this.#keyPath) ?? "");
    if (key === undefined) {
      writeDurablySync(this.#keyPath, `${newKey()}\n`);
      key = readKey(readFileSync(this.#keyPath, "utf8"));
      if (key === undefined) throw new Error("the key was not written");
    }
    return { ...record, lastGood: { ...lastGood, content: seal(lastGood.content, key) } };
  }

  #unsealed(record: TrialRecord): TrialRecord {
    const { lastGood } = record;
    if (lastGood === undefined) return record;
    const key = readKey(readIfThereSync(this.#keyPath) ?? "");
    const content = key && unseal(lastGood.content, key);
    if (content !== undefined) return { ...record, lastGood: { ...lastGood, content } };
    this.#onEvent({ t: "settings unreadable", path: this.#path });
    return { ...record, lastGood: undefined };
  }

  #read(): TrialRecord {
    const path = this.#path;
    try {
      const text = readIfThereSync(path);
      return text === undefined ? NEW_RECORD : this.#unsealed(parseRecord(text));
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
