/** Reads a file that should be small, whatever is really there: a pipe, a directory, or gigabytes. */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { errorCode } from "./error-code.js";

export type SmallFile =
  | { readonly t: "bytes"; readonly bytes: Buffer }
  | { readonly t: "absent" }
  | { readonly t: "no file" }
  | { readonly t: "too long" }
  /** code: the name that the system has for the reason, for example EACCES. */
  | { readonly t: "unreadable"; readonly code: string };

export async function readSmallFile(path: string, mostBytes: number): Promise<SmallFile> {
  try {
    // Opening a named pipe waits for its other end, unless told not to.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) return { t: "no file" };
      if (found.size > mostBytes) return { t: "too long" };
      const bytes = await file.readFile();
      return bytes.length > mostBytes ? { t: "too long" } : { t: "bytes", bytes };
    } finally {
      await file.close();
    }
  } catch (reason) {
    const code = errorCode(reason);
    if (code === undefined) throw reason;
    return code === "ENOENT" ? { t: "absent" } : { t: "unreadable", code };
  }
}
