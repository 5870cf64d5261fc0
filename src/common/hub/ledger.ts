/** What was decided about each object of one type, kept over restarts. */

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { readIfThere, writeDurably } from "../files/durable.js";
import { instanceSchema } from "./instance.js";

const entrySchema = z.strictObject({
  instance: instanceSchema,
  dataId: instanceSchema,
  version: z.string(),
  outcome: z.discriminatedUnion("t", [
    z.strictObject({
      t: z.literal("taken"),
      /** What it is called here: NAME@VERSION of a model, the key of a document. */
      what: z.string(),
    }),
    z.strictObject({
      t: z.literal("refused"),
      reason: z.string(),
      /** What decided beside the object; when it changes, the object is looked at again. */
      terms: z.string(),
      /** What the object's version before this one is called, which stays in force. */
      before: z.string().optional(),
    }),
  ]),
});
const fileSchema = z.strictObject({
  format: z.literal(1),
  entries: z.record(z.string(), entrySchema),
});

export type Entry = Readonly<z.infer<typeof entrySchema>>;

/** What an object is in force as: of this version, or of the one before it that was not refused. */
export function inForce(entry: Entry | undefined): string | undefined {
  if (entry === undefined) return undefined;
  return entry.outcome.t === "taken" ? entry.outcome.what : entry.outcome.before;
}

export class Ledger {
  readonly #path: string;
  #entries: ReadonlyMap<string, Entry>;

  /** damaged: called when the file cannot be understood; then every object is looked at anew. */
  static async open(path: string, damaged: (detail: string) => void): Promise<Ledger> {
    await mkdir(dirname(path), { recursive: true });
    return new Ledger(path, await readEntries(path, damaged));
  }

  private constructor(path: string, entries: ReadonlyMap<string, Entry>) {
    this.#path = path;
    this.#entries = entries;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** By the ids of objects. */
  entries(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  /** Whether an object beside this one is in force as this: one model may have come in two objects. */
  isSharedBy(what: string, id: string): boolean {
    return [...this.#entries].some(([other, entry]) => other !== id && inForce(entry) === what);
  }

  /** Durable when it returns. */
  async set(id: string, entry: Entry): Promise<void> {
    await this.#write(new Map([...this.#entries, [id, entry]]));
  }

  /** Durable when it returns. */
  async remove(id: string): Promise<void> {
    if (!this.#entries.has(id)) return;
    await this.#write(new Map([...this.#entries].filter(([other]) => other !== id)));
  }

  async #write(entries: ReadonlyMap<string, Entry>): Promise<void> {
    const file = { format: 1, entries: Object.fromEntries(entries) };
    await writeDurably(this.#path, JSON.stringify(file));
    this.#entries = entries;
  }
}

async function readEntries(
  path: string,
  damaged: (detail: string) => void,
): Promise<ReadonlyMap<string, Entry>> {
  const text = await readIfThere(path);
  if (text === undefined) return new Map();
  try {
    return new Map(Object.entries(fileSchema.parse(JSON.parse(text)).entries));
  } catch (reason) {
    damaged(`${path} cannot be understood (${reason instanceof Error ? reason.name : "?"})`);
    return new Map();
  }
}
