/**
 * Small files that hold either the old or the new content, whenever the process or the power ends. Only the owner can
 * read them, and each has one writer at a time. A killed writer leaves a file that ends in `.new`; the next one
 * replaces it.
 */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { ZodType } from "zod";
import { errorCode } from "./read.js";

const OWNER_ONLY = 0o600;

/** The content is on the disk when this returns. Throws file system errors; the old file is then untouched. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const file = await open(`${path}.new`, "w", OWNER_ONLY);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncDirectory(directory);
}

/** Blocks the process meanwhile, for what nothing may overtake. */
export function writeDurablySync(path: string, content: string): void {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true });
  const file = openSync(`${path}.new`, "w", OWNER_ONLY);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  const parent = openSync(directory, "r");
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Undefined: there is no such file. Throws all other errors. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (reason) {
    return undefinedIfAbsent(reason);
  }
}

export function readIfThereSync(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (reason) {
    return undefinedIfAbsent(reason);
  }
}

/** Undefined: there is no such file, or it does not fit the schema; then `damaged` is called. */
export async function readJsonIfThere<T>(
  path: string,
  schema: ZodType<T>,
  damaged: (detail: string) => void,
): Promise<T | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (reason) {
    // The message would quote the file, which may hold secrets.
    damaged(`cannot parse ${path} (${reason instanceof Error ? reason.name : "?"})`);
    return undefined;
  }
}

function undefinedIfAbsent(reason: unknown): undefined {
  const code = errorCode(reason);
  if (code !== "ENOENT" && code !== "ENOTDIR") throw reason;
}
