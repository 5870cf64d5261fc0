// Finds the line of a half's log that says why it ended.
import { open } from "node:fs/promises";

const TAIL_BYTES = 64 * 1024;
const LONGEST_REASON = 300;

/** The last error in a log file in one line without secrets, or undefined if there is none or no such file. */
export async function lastError(path: string): Promise<string | undefined> {
  try {
    return reasonIn(await tail(path));
  } catch {
    return undefined; // a missing log explains nothing, and is no reason to fail
  }
}

/**
 * The last error in a log: the last JSON line of level error, or else the last line that is not JSON, such as the end of
 * a Python traceback.
 */
export function reasonIn(log: string): string | undefined {
  const lines = log.split("\n").reverse();
  const errors = lines.map(errorMessage).find((message) => message !== undefined);
  const plain = lines.find((line) => line.trim() !== "" && !line.startsWith("{"))?.trim();
  const reason = errors ?? plain;
  return reason === undefined ? undefined : redact(reason).slice(0, LONGEST_REASON);
}

function errorMessage(line: string): string | undefined {
  const entry = parse(line);
  if (entry?.["level"] !== "error" || typeof entry["message"] !== "string") return undefined;
  const err = entry["err"];
  const detail = isRecord(err) && typeof err["message"] === "string" ? `: ${err["message"]}` : "";
  return entry["message"] + detail;
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined; // the first line of a tail may be cut
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Hides user names and passwords in addresses; what libraries print themselves has passed no redactor yet. */
function redact(text: string): string {
  return text.replace(/(?<=:\/\/)[^/\s"']*@/g, "***@");
}

async function tail(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
