/** Reads small files, whatever is really there: a pipe, a directory, gigabytes, or bytes that are not text. */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { type Problem, problem } from "../problem.js";

/** The system's name for an error, for example ENOSPC. Undefined: the error is not the system's. */
export function errorCode(reason: unknown): string | undefined {
  return reason instanceof Error && "code" in reason ? String(reason.code) : undefined;
}

export type SmallFile =
  | { readonly t: "bytes"; readonly bytes: Buffer }
  | { readonly t: "absent" }
  | { readonly t: "not a file" }
  | { readonly t: "too long" }
  /** code: the system's name for the reason, for example EACCES. */
  | { readonly t: "unreadable"; readonly code: string };

export async function readSmallFile(path: string, maxBytes: number): Promise<SmallFile> {
  try {
    // Without O_NONBLOCK, opening a named pipe waits for its other end.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return { t: "not a file" };
      if (stats.size > maxBytes) return { t: "too long" };
      const bytes = await file.readFile();
      return bytes.length > maxBytes ? { t: "too long" } : { t: "bytes", bytes };
    } finally {
      await file.close();
    }
  } catch (reason) {
    const code = errorCode(reason);
    if (code === undefined) throw reason;
    return code === "ENOENT" ? { t: "absent" } : { t: "unreadable", code };
  }
}

/** Undefined: the bytes are not UTF-8. A byte order mark is dropped. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // The decoder throws for this reason only.
    return undefined;
  }
}

interface Refused {
  readonly t: "refused";
  readonly problem: Problem;
}

export type TextReading = { readonly t: "text"; readonly text: string } | Refused;

/** Reads a UTF-8 text file. Problems show `name` instead of the path. */
export async function readText(
  path: string,
  name: string,
  maxBytes = 1024 * 1024,
): Promise<TextReading> {
  const reading = await readBytes(path, name, maxBytes);
  return reading.t === "bytes" ? decode(reading.bytes, name) : reading;
}

/** Reads a small file of any content. Problems show `name` instead of the path. */
export async function readBytes(
  path: string,
  name: string,
  maxBytes: number,
): Promise<{ readonly t: "bytes"; readonly bytes: Buffer } | Refused> {
  const file = await readSmallFile(path, maxBytes);
  switch (file.t) {
    case "bytes":
      return file;
    case "absent":
      return refused("file-missing", name, "there is no such file");
    case "not a file":
      return refused("file-unreadable", name, "it is not a regular file");
    case "too long":
      return tooLarge(name, maxBytes);
    case "unreadable":
      return refused("file-unreadable", name, `it cannot be read (${file.code})`);
    default:
      return file satisfies never;
  }
}

/** Reads a stream of UTF-8 text to its end, or until it is too long. */
export async function readTextStream(
  stream: AsyncIterable<Buffer | string>,
  name: string,
  maxBytes: number,
): Promise<TextReading> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > maxBytes) return tooLarge(name, maxBytes);
    chunks.push(buffer);
  }
  return decode(Buffer.concat(chunks), name);
}

function decode(bytes: Buffer, name: string): TextReading {
  const text = decodeUtf8(bytes);
  if (text === undefined)
    return refused("not-text", name, "it is not UTF-8 text: save it as UTF-8");
  if (text.includes("\0")) return refused("not-text", name, "it is not text: it holds zero bytes");
  return { t: "text", text };
}

function tooLarge(name: string, maxBytes: number): Refused {
  return refused("file-too-large", name, `a file of this kind has at most ${maxBytes / 1024} KB`);
}

function refused(
  code: "file-missing" | "file-unreadable" | "file-too-large" | "not-text",
  path: string,
  message: string,
): Refused {
  return { t: "refused", problem: problem(code, path, message) };
}
