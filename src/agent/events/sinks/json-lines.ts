/** A file with one line of JSON for each event. A full file becomes NAME.1, NAME.1 becomes NAME.2, and so on. */

import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { FileOptions } from "../../../common/settings/events.js";
import { type Connection, type Outgoing, type Sink, SinkError } from "../sink.js";

const BATCH = 500;
const OWNER_ONLY = 0o600;

/** `path`: of the file that is written; its directory is made. */
export function jsonLinesSink(path: string, options: Omit<FileOptions, "name">): Sink {
  return {
    batch: BATCH,
    async connect() {
      const file = new JsonLines(path, options);
      await file.guard(() => file.open());
      return file;
    },
  };
}

class JsonLines implements Connection {
  readonly #path: string;
  readonly #options: Omit<FileOptions, "name">;
  #file: FileHandle | undefined;
  #bytes = 0;

  constructor(path: string, options: Omit<FileOptions, "name">) {
    this.#path = path;
    this.#options = options;
  }

  async open(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, "a+", OWNER_ONLY);
    this.#file = file;
    this.#bytes = await withoutHalfLine(file);
  }

  async deliver(events: readonly Outgoing[]): Promise<{ readonly refused: 0 }> {
    await this.guard(async () => {
      let lines = "";
      for (const { text } of events) {
        const bytes = Buffer.byteLength(text) + 1;
        const isFull = this.#bytes > 0 && this.#bytes + bytes > this.#options.maxBytes;
        if (isFull) {
          await this.#write(lines);
          lines = "";
          await this.#rotate();
        }
        lines += `${text}\n`;
        this.#bytes += bytes;
      }
      await this.#write(lines);
      await this.#file?.datasync();
    });
    return { refused: 0 };
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** Turns errors of the file system into SinkError. */
  async guard(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (reason) {
      throw SinkError.from(reason, `cannot write ${this.#path}`);
    }
  }

  async #write(lines: string): Promise<void> {
    if (lines !== "") await this.#file?.appendFile(lines);
  }

  async #rotate(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    const { files } = this.#options;
    const nameOf = (number: number) => (number === 0 ? this.#path : `${this.#path}.${number}`);
    await rm(nameOf(files - 1), { force: true });
    for (let number = files - 2; number >= 0; number--) {
      await rename(nameOf(number), nameOf(number + 1)).catch(ignoreAbsent);
    }
    await this.open();
  }
}

const NEWLINE = 0x0a;
const BLOCK_BYTES = 64 * 1024;

/** Cuts off a line that a kill has left unfinished; its event comes again. Returns the size of the file. */
async function withoutHalfLine(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const block = Buffer.alloc(BLOCK_BYTES);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    const newline = block.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline >= 0) {
      end = start + newline + 1;
      break;
    }
    end = start;
  }
  if (end < size) await file.truncate(end);
  return end;
}

function ignoreAbsent(reason: unknown): void {
  if ((reason as NodeJS.ErrnoException).code !== "ENOENT") throw reason;
}
