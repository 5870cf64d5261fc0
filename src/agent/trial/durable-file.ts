/** A small file that is either the old one or the new one, whenever the power goes. */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/**
 * Returns when the content is on the disk, readable by its owner alone. Waits for the disk: what follows from the
 * content must not happen before. Throws what the file system says; then the old file is still there.
 */
export function writeDurably(path: string, text: string): void {
  const directory = dirname(path);
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true });
  const fresh = `${path}.new`;
  const file = openSync(fresh, "w", 0o600);
  try {
    writeFileSync(file, text);
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

/** Undefined: there is no such file. Throws for every other reason. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(err))) return undefined;
    throw err;
  }
}

/** The name that the system has for an error, for example ENOSPC. */
export function errorCode(err: unknown): string {
  return err instanceof Error && "code" in err ? String(err.code) : "unknown";
}
