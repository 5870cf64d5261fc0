/**
 * The settings documents that the hub has sent, kept over restarts. Several objects may hold one; the one that was
 * published last counts. When its object is deleted, the one published before it counts again, if it is still there.
 */

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { readIfThere, writeDurably } from "../files/durable.js";
import { compareInstances, instanceSchema } from "./instance.js";

/** More are no use to anybody: those published first go. */
const MOST_DOCUMENTS = 16;

const documentSchema = z.strictObject({
  /** Of the object. */
  id: z.string(),
  /** As whoever published it says; may be empty. */
  version: z.string(),
  /** The hub's time of publication. */
  instance: instanceSchema,
  text: z.string(),
});
const fileSchema = z.strictObject({ format: z.literal(1), documents: z.array(documentSchema) });

export type HeldDocument = Readonly<z.infer<typeof documentSchema>>;

/** Names one version of one document. */
export function documentKey({ id, instance }: Pick<HeldDocument, "id" | "instance">): string {
  return `${id}#${instance}`;
}

export class Documents {
  readonly #path: string;
  /** The newest first. */
  #documents: readonly HeldDocument[];

  /**
   * damaged: called when the file cannot be understood; then there are none, and the hub's are taken anew.
   *
   * @param path of the file, which need not be there
   */
  static async open(path: string, damaged: (detail: string) => void): Promise<Documents> {
    await mkdir(dirname(path), { recursive: true });
    return new Documents(path, inOrder(await readDocuments(path, damaged)));
  }

  private constructor(path: string, documents: readonly HeldDocument[]) {
    this.#path = path;
    this.#documents = documents;
  }

  /** The one that counts. */
  current(): HeldDocument | undefined {
    return this.#documents[0];
  }

  /** The one that would count without the current one. */
  previous(): HeldDocument | undefined {
    return this.#documents[1];
  }

  /** Whether a document that was put here is here no more, other than because many newer ones are. */
  isLost(key: string): boolean {
    if (this.#documents.length >= MOST_DOCUMENTS) return false;
    return !this.#documents.some((one) => documentKey(one) === key);
  }

  /** Durable when it returns. Takes the place of the one with the same id. */
  async put(document: HeldDocument): Promise<void> {
    await this.#keep([document, ...this.#documents.filter(({ id }) => id !== document.id)]);
  }

  /** Durable when it returns. Does nothing if there is none. */
  async remove(id: string): Promise<void> {
    const rest = this.#documents.filter((one) => one.id !== id);
    if (rest.length < this.#documents.length) await this.#keep(rest);
  }

  async #keep(documents: readonly HeldDocument[]): Promise<void> {
    const kept = inOrder(documents).slice(0, MOST_DOCUMENTS);
    await writeDurably(this.#path, JSON.stringify({ format: 1, documents: kept }));
    this.#documents = kept;
  }
}

async function readDocuments(
  path: string,
  damaged: (detail: string) => void,
): Promise<readonly HeldDocument[]> {
  const text = await readIfThere(path);
  if (text === undefined) return [];
  try {
    return fileSchema.parse(JSON.parse(text)).documents;
  } catch {
    // The cause would quote the file.
    damaged(`${path} cannot be understood`);
    return [];
  }
}

function inOrder(documents: readonly HeldDocument[]): readonly HeldDocument[] {
  const byId = (a: HeldDocument, b: HeldDocument) => (a.id < b.id ? -1 : 1);
  return [...documents].sort((a, b) => compareInstances(b.instance, a.instance) || byId(a, b));
}
