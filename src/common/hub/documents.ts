/**
 * The settings documents that the hub has sent, kept over restarts. Several objects may hold one; the one that was
 * published last counts. When its object is deleted, the one published before it counts again, if it is still there.
 */

import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
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
/** In a file of its own, which an older agent does not know and does not stumble over. */
const withdrawnSchema = z.strictObject({ format: z.literal(1), texts: z.array(z.string()) });
const WITHDRAWN_FILE = "withdrawn-settings.json";

export type HeldDocument = Readonly<z.infer<typeof documentSchema>>;

/** Names one version of one document. */
export function documentKey({ id, instance }: Pick<HeldDocument, "id" | "instance">): string {
  return `${id}#${instance}`;
}

export class Documents {
  readonly #path: string;
  /** The newest first. */
  #documents: readonly HeldDocument[];
  /** SHA-256 of the texts that the hub has withdrawn, the newest first. */
  #withdrawn: readonly string[];

  /**
   * damaged: called when a file cannot be understood; then there are none, and the hub's are taken anew.
   *
   * @param path of the file, which need not be there
   */
  static async open(path: string, damaged: (detail: string) => void): Promise<Documents> {
    await mkdir(dirname(path), { recursive: true });
    const documents = inOrder(await readDocuments(path, damaged));
    return new Documents(path, documents, await readWithdrawn(withdrawnPath(path), damaged));
  }

  private constructor(
    path: string,
    documents: readonly HeldDocument[],
    withdrawn: readonly string[],
  ) {
    this.#path = path;
    this.#documents = documents;
    this.#withdrawn = withdrawn;
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

  /** The hub has withdrawn an object. Durable when it returns. Does nothing if there is none. */
  async remove(id: string): Promise<void> {
    const removed = this.#documents.find((one) => one.id === id);
    if (removed === undefined) return;
    const hash = hashOf(removed.text);
    const others = this.#withdrawn.filter((one) => one !== hash);
    const withdrawn = [hash, ...others].slice(0, MOST_DOCUMENTS);
    // Noted first: cut off between the two, the removal is done again.
    const text = JSON.stringify({ format: 1, texts: withdrawn });
    await writeDurably(withdrawnPath(this.#path), text);
    this.#withdrawn = withdrawn;
    await this.#keep(this.#documents.filter((one) => one !== removed));
  }

  /** Whether the hub has withdrawn a document with this text, and has not sent it again since. */
  isWithdrawn(text: string): boolean {
    const isHeld = this.#documents.some((one) => one.text === text);
    return !isHeld && this.#withdrawn.includes(hashOf(text));
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

function withdrawnPath(path: string): string {
  return join(dirname(path), WITHDRAWN_FILE);
}

async function readWithdrawn(
  path: string,
  damaged: (detail: string) => void,
): Promise<readonly string[]> {
  const text = await readIfThere(path);
  if (text === undefined) return [];
  try {
    return withdrawnSchema.parse(JSON.parse(text)).texts;
  } catch {
    damaged(`${path} cannot be understood`);
    return [];
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function inOrder(documents: readonly HeldDocument[]): readonly HeldDocument[] {
  const byId = (a: HeldDocument, b: HeldDocument) => (a.id < b.id ? -1 : 1);
  return [...documents].sort((a, b) => compareInstances(b.instance, a.instance) || byId(a, b));
}
