/** Ledger: which objects of one type were accepted or refused, kept over restarts. */

import { z } from "zod";
import { readJsonIfThere, writeDurably } from "../files/durable.js";
import { instanceSchema } from "./object.js";

const entrySchema = z.strictObject({
  instance: instanceSchema,
  dataId: instanceSchema,
  version: z.string(),
  outcome: z.discriminatedUnion("t", [
    z.strictObject({
      t: z.literal("accepted"),
      /** Names the content on this node: NAME@VERSION of a model, the key of a document. */
      contentId: z.string(),
    }),
    z.strictObject({
      t: z.literal("refused"),
      reason: z.string(),
      /** What the decision depended on besides the object; when it changes, the object is processed again. */
      conditions: z.string(),
      /** Content of the object's previous version, which stays active. */
      previous: z.string().optional(),
    }),
  ]),
});
const fileSchema = z.strictObject({
  format: z.literal(1),
  /** A list: as the key of an object, an id such as __proto__ would be lost. */
  entries: z.array(z.tuple([z.string(), entrySchema])),
});

export type LedgerEntry = Readonly<z.infer<typeof entrySchema>>;

/** The object's active content: of this version, or of the last one that was accepted. */
export function activeContent(entry: LedgerEntry | undefined): string | undefined {
  if (entry === undefined) return undefined;
  return entry.outcome.t === "accepted" ? entry.outcome.contentId : entry.outcome.previous;
}

export class Ledger {
  readonly #path: string;
  #entries: ReadonlyMap<string, LedgerEntry>;

  /** damaged: called if the file cannot be parsed; then every object is processed again. */
  static async open(path: string, damaged: (detail: string) => void): Promise<Ledger> {
    const file = await readJsonIfThere(path, fileSchema, damaged);
    return new Ledger(path, new Map(file?.entries));
  }

  private constructor(path: string, entries: ReadonlyMap<string, LedgerEntry>) {
    this.#path = path;
    this.#entries = entries;
  }

  get(id: string): LedgerEntry | undefined {
    return this.#entries.get(id);
  }

  /** By object id. */
  entries(): ReadonlyMap<string, LedgerEntry> {
    return this.#entries;
  }

  /** Whether an object other than `id` has this content: two objects may bring the same model. */
  isInOtherObject(contentId: string, id: string): boolean {
    return [...this.#entries].some(
      ([other, entry]) => other !== id && activeContent(entry) === contentId,
    );
  }

  /** Durable when it returns. */
  async set(id: string, entry: LedgerEntry): Promise<void> {
    await this.#write(new Map([...this.#entries, [id, entry]]));
  }

  /** Durable when it returns. */
  async remove(id: string): Promise<void> {
    if (!this.#entries.has(id)) return;
    await this.#write(new Map([...this.#entries].filter(([other]) => other !== id)));
  }

  async #write(entries: ReadonlyMap<string, LedgerEntry>): Promise<void> {
    const file = { format: 1, entries: [...entries] };
    await writeDurably(this.#path, JSON.stringify(file));
    this.#entries = entries;
  }
}
