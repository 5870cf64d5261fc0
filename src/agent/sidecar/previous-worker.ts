/** How the last worker ended, from the file that the sidecar's keeper writes: for when no worker answers. */

import { join } from "node:path";
import { z } from "zod";
import { readSmallFile } from "../../common/files/read.js";
import type { PreviousWorker } from "./sidecar.js";

/** Beside the sockets. */
const FILE_NAME = "worker-ended.json";
/** For twenty lines of 500 bytes in JSON's longest escapes, and the rest. */
const MAX_BYTES = 65_536;

const schema = z.object({
  at: z.number(),
  how: z.string(),
  last_lines: z.array(z.string()),
  failures: z.int(),
});

export class PreviousWorkerFile {
  readonly #path: string;
  /** The content at the start: an earlier keeper may have left it. */
  #stale: string | undefined;

  constructor(directory: string) {
    this.#path = join(directory, FILE_NAME);
  }

  /** Call it once, before read(). */
  async load(): Promise<void> {
    this.#stale = await this.#text();
  }

  /** Undefined: no worker has ended since load(), or it is not known how. */
  async read(): Promise<PreviousWorker | undefined> {
    const text = await this.#text();
    return text === undefined || text === this.#stale ? undefined : parse(text);
  }

  async #text(): Promise<string | undefined> {
    const file = await readSmallFile(this.#path, MAX_BYTES);
    return file.t === "bytes" ? file.bytes.toString("utf8") : undefined;
  }
}

/** Undefined: the file has another form, for example because the sidecar is of a later version. */
function parse(text: string): PreviousWorker | undefined {
  try {
    const { at, how, last_lines: lastLines, failures } = schema.parse(JSON.parse(text));
    return { ended: new Date(at * 1000), how, lastLines, failures };
  } catch {
    return undefined;
  }
}
