/** Finds the line of a program's log that tells why it ended. */

import { open } from "node:fs/promises";
import { isObject } from "../common/json/document.js";
import { hideLogins } from "../common/secrets/redact.js";

const TAIL_BYTES = 64 * 1024;
const MAX_LENGTH = 300;

/** The last error in a log file, in one line without secrets. Undefined: there is no error, or no such file. */
export async function lastError(path: string): Promise<string | undefined> {
  try {
    return lastErrorIn(await tailOf(path));
  } catch {
    return undefined; // a missing log must not stop the supervisor
  }
}

/** The last JSON line of level error, or else the last line that is not JSON, such as the end of a Python traceback. */
export function lastErrorIn(log: string): string | undefined {
  const lines = log.split("\n").reverse();
  const error = lines.map(errorMessage).find((message) => message !== undefined);
  const plain = lines.find((line) => line.trim() !== "" && !line.startsWith("{"))?.trim();
  const reason = error ?? plain;
  // Messages of libraries are not redacted yet.
  return reason && hideLogins(reason).slice(0, MAX_LENGTH);
}

function errorMessage(line: string): string | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined; // not JSON, or the first line of the tail, which may be cut
  }
  if (!isObject(entry) || entry["level"] !== "error") return undefined;
  const { message, err } = entry;
  if (typeof message !== "string") return undefined;
  return isObject(err) && typeof err["message"] === "string"
    ? `${message}: ${err["message"]}`
    : message;
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const start = Math.max(0, (await file.stat()).size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
