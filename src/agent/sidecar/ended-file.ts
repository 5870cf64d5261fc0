/** How the last worker ended, from the file that the sidecar's keeper writes: for a worker that never answers. */

import { join } from "node:path";
import { z } from "zod";
import { readSmallFile } from "../../common/files/small-file.js";
import type { PreviousWorker } from "./sidecar.js";

/** Beside the sockets. */
const NAME = "worker-ended.json";
/** Twenty lines of 500 bytes, each byte as JSON writes it at its longest, and the rest. */
const MOST_BYTES = 65_536;

const schema = z.object({
  at: z.number(),
  how: z.string(),
  last_lines: z.array(z.string()),
  failures: z.int(),
});

export class EndedFile {
  readonly #path: string;
  /** What was there at the beginning: a keeper before this agent's may have left it. */
  #before: string | undefined;

  constructor(directory: string) {
    this.#path = join(directory, NAME);
  }

  /** To be called once, before read(). */
  async load(): Promise<void> {
    this.#before = await this.#text();
  }

  /** Undefined: no worker has ended since load(), or nobody says how. */
  async read(): Promise<PreviousWorker | undefined> {
    const text = await this.#text();
    if (text === undefined || text === this.#before) return undefined;
    return parse(text);
  }

  async #text(): Promise<string | undefined> {
    const file = await readSmallFile(this.#path, MOST_BYTES);
    return file.t === "bytes" ? file.bytes.toString("utf8") : undefined;
  }
}

/** The sidecar may be of a later version: what is not of the form that is known here says nothing. */
function parse(text: string): PreviousWorker | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { success, data } = schema.safeParse(value);
  if (!success) return undefined;
  const { at, how, last_lines: lastLines, failures } = data;
  return { ended: new Date(at * 1000), how, lastLines, failures };
}
