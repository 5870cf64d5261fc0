/** Reads a small UTF-8 text file, or says in one problem why it is none. */

import { type Problem, problem } from "../problem.js";
import { readSmallFile } from "./small-file.js";

const MB = 1024 * 1024;

export type TextReading =
  | { readonly t: "text"; readonly text: string }
  | { readonly t: "refused"; readonly problem: Problem };

/** name stands in the problem instead of the path. */
export async function readText(
  path: string,
  name: string,
  largestBytes = MB,
): Promise<TextReading> {
  const file = await readSmallFile(path, largestBytes);
  switch (file.t) {
    case "bytes":
      return decode(file.bytes, name);
    case "absent":
      return refused("file-missing", name, "there is no such file");
    case "no file":
      return refused("file-unreadable", name, "it is no plain file");
    case "too long":
      return tooLarge(name, largestBytes);
    case "unreadable":
      return refused("file-unreadable", name, `it cannot be read (${file.code})`);
    default:
      return file satisfies never;
  }
}

/** Reads a stream of bytes to its end, or until it is too long. */
export async function readTextStream(
  stream: AsyncIterable<Buffer | string>,
  name: string,
  largestBytes: number,
): Promise<TextReading> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > largestBytes) return tooLarge(name, largestBytes);
    chunks.push(buffer);
  }
  return decode(Buffer.concat(chunks), name);
}

/** A byte order mark is dropped. */
function decode(bytes: Buffer, name: string): TextReading {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.includes("\0")) return refused("not-text", name, "it is no text: it holds zero bytes");
    return { t: "text", text };
  } catch {
    // The decoder throws for one reason only.
    return refused("not-text", name, "it is not UTF-8 text: save it as UTF-8");
  }
}

function tooLarge(name: string, largestBytes: number): TextReading {
  return refused(
    "file-too-large",
    name,
    `a text of this kind has at most ${largestBytes / 1024} KB`,
  );
}

function refused(
  code: "file-missing" | "file-unreadable" | "file-too-large" | "not-text",
  path: string,
  message: string,
): TextReading {
  return { t: "refused", problem: problem(code, path, message) };
}
