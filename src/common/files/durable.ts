/**
 * Small files that are either the old one or the new one, whenever the process or the power ends. Each is readable by its
 * owner alone, and has one writer at a time; what a killed one leaves ends in `.new`, and the next one takes its place.
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
import { errorCode } from "./error-code.js";

const OWNER_ONLY = 0o600;

/** The content is on the disk when this returns. Throws what the file system says; then the old file is still there. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const fresh = freshOf(path);
  const file = await open(fresh, "w", OWNER_ONLY);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  await syncDirectory(directory);
}

/** Stops the whole process meanwhile: for what nothing at all may overtake. */
export function writeDurablySync(path: string, content: string): void {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true });
  const fresh = freshOf(path);
  const file = openSync(fresh, "w", OWNER_ONLY);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
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

/** Undefined: there is no such file. Throws for every other reason. */
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

function undefinedIfAbsent(reason: unknown): undefined {
  const code = errorCode(reason);
  if (code !== "ENOENT" && code !== "ENOTDIR") throw reason;
}

function freshOf(path: string): string {
  return `${path}.new`;
}
