/**
 * The settings documents that the hub has sent, kept over restarts. Several objects may hold one; the one published last
 * is active. When its object is deleted, the one published before it becomes active again, if it is still there.
 */

import { createHash } from "node:crypto";
import { z } from "zod";
import { readJsonIfThere, writeDurably } from "../files/durable.js";
import { compareInstances, instanceSchema } from "./object.js";

/** Beyond this, the documents published first are dropped. */
const MAX_DOCUMENTS = 16;

const documentSchema = z.strictObject({
  /** The object that brought it. */
  id: z.string(),
  /** As the publisher wrote it; may be empty. */
  version: z.string(),
  /** The hub's time of publication. */
  instance: instanceSchema,
  text: z.string(),
});
const fileSchema = z.object({
  format: z.literal(1),
  documents: z.array(documentSchema),
  /** SHA-256 of the texts that the hub has withdrawn, the newest first. */
  withdrawn: z.array(z.string()).default([]),
});

export type HubDocument = Readonly<z.infer<typeof documentSchema>>;

/** Names one version of one document: its content id. */
export function documentKey({ id, instance }: Pick<HubDocument, "id" | "instance">): string {
  return `${id}#${instance}`;
}

export class Documents {
  readonly #path: string;
  /** The newest first. */
  #documents: readonly HubDocument[];
  #withdrawn: readonly string[];

  /**
   * damaged: called if the file cannot be parsed; then there are no documents, and the hub's are fetched again.
   *
   * @param path of the file, which need not exist
   */
  static async open(path: string, damaged: (detail: string) => void): Promise<Documents> {
    const { documents = [], withdrawn = [] } =
      (await readJsonIfThere(path, fileSchema, damaged)) ?? {};
    return new Documents(path, newestFirst(documents), withdrawn);
  }

  private constructor(
    path: string,
    documents: readonly HubDocument[],
    withdrawn: readonly string[],
  ) {
    this.#path = path;
    this.#documents = documents;
    this.#withdrawn = withdrawn;
  }

  /** The active one. */
  current(): HubDocument | undefined {
    return this.#documents[0];
  }

  /** Whether a document that was put here is missing, for another reason than MAX_DOCUMENTS. */
  isLost(key: string): boolean {
    if (this.#documents.length >= MAX_DOCUMENTS) return false;
    return !this.#documents.some((one) => documentKey(one) === key);
  }

  /** Durable when it returns. Replaces the document with the same id. */
  async put(document: HubDocument): Promise<void> {
    const others = this.#documents.filter(({ id }) => id !== document.id);
    await this.#write([document, ...others], this.#withdrawn);
  }

  /** Removes a document that the hub has withdrawn. Durable when it returns. Does nothing if there is none. */
  async remove(id: string): Promise<void> {
    const removed = this.#documents.find((one) => one.id === id);
    if (removed === undefined) return;
    const hash = hashOf(removed.text);
    const withdrawn = [hash, ...this.#withdrawn.filter((one) => one !== hash)];
    await this.#write(
      this.#documents.filter((one) => one !== removed),
      withdrawn.slice(0, MAX_DOCUMENTS),
    );
  }

  /** Whether the hub has withdrawn a document with this text and has not sent it again since. */
  isWithdrawn(text: string): boolean {
    const isHere = this.#documents.some((one) => one.text === text);
    return !isHere && this.#withdrawn.includes(hashOf(text));
  }

  async #write(documents: readonly HubDocument[], withdrawn: readonly string[]): Promise<void> {
    const newest = newestFirst(documents).slice(0, MAX_DOCUMENTS);
    await writeDurably(this.#path, JSON.stringify({ format: 1, documents: newest, withdrawn }));
    [this.#documents, this.#withdrawn] = [newest, withdrawn];
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function newestFirst(documents: readonly HubDocument[]): readonly HubDocument[] {
  const byId = (a: HubDocument, b: HubDocument) => (a.id < b.id ? -1 : 1);
  return [...documents].sort((a, b) => compareInstances(b.instance, a.instance) || byId(a, b));
}
