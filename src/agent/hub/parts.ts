/** What was fetched of objects, whole or in part: a file for each version of each object. */

import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { EssObject } from "./ess.js";

type Version = Pick<EssObject, "id" | "instance" | "dataId">;

export class Parts {
  readonly #directory: string;

  /** directory: where nobody else writes; it need not be there. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(object: Version): string {
    return join(this.#directory, nameOf(object));
  }

  async remove(object: Version): Promise<void> {
    await rm(this.pathOf(object), { force: true });
  }

  /** Removes all that is not of these. What hinders it hinders a download, too, and is told then. */
  async keepOnly(objects: readonly Version[]): Promise<void> {
    const kept = new Set(objects.map(nameOf));
    const names = await readdir(this.#directory).catch(() => []);
    for (const name of names) {
      if (kept.has(name)) continue;
      await rm(join(this.#directory, name), { recursive: true, force: true }).catch(() => {});
    }
  }
}

function nameOf({ id, instance, dataId }: Version): string {
  const name = createHash("sha256").update(id).digest("hex").slice(0, 16);
  return `${name}-${instance}-${dataId}.part`;
}
