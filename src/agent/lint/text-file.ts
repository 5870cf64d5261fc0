/** Reads a small UTF-8 text file, or says in one problem why it is none. */

import { type FileHandle, open } from "node:fs/promises";
import { type Problem, problem } from "./problem.js";

const LARGEST_BYTES = 1024 * 1024;

export type TextReading =
  | { readonly t: "text"; readonly text: string }
  | { readonly t: "refused"; readonly problem: Problem };

/** name stands in the problem instead of the path. */
export async function readText(path: string, name: string): Promise<TextReading> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const found = await file.stat();
    if (!found.isFile()) return refused("file-unreadable", name, "it is no plain file");
    if (found.size > LARGEST_BYTES) {
      const size = Math.ceil(found.size / LARGEST_BYTES);
      return refused(
        "file-too-large",
        name,
        `it has ${size} MB, a text file of this kind at most 1`,
      );
    }
    return decode(await file.readFile(), name);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code; // Only the file system throws here.
    if (code === "ENOENT") return refused("file-missing", name, "there is no such file");
    return refused("file-unreadable", name, `it cannot be read (${code ?? String(error)})`);
  } finally {
    await file?.close();
  }
}

/** A byte order mark is dropped. */
export function decode(bytes: Buffer, name: string): TextReading {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.includes("\0")) return refused("not-text", name, "it is no text: it holds zero bytes");
    return { t: "text", text };
  } catch {
    // The decoder throws for one reason only.
    return refused("not-text", name, "it is not UTF-8 text: save it as UTF-8");
  }
}

function refused(
  code: "file-missing" | "file-unreadable" | "file-too-large" | "not-text",
  path: string,
  message: string,
): TextReading {
  return { t: "refused", problem: problem(code, path, message) };
}
