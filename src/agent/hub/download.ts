/** Fetches the data of an object into a file, going on where an earlier attempt ended. */

import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Ess, EssObject, Range } from "./ess.js";
import { Integrity } from "./integrity.js";

/** The service holds a range in its memory while it sends it. */
const RANGE_BYTES = 4 * 1024 * 1024;
const BUFFER_BYTES = 64 * 1024;

export interface DownloadOptions {
  readonly ess: Ess;
  readonly object: EssObject;
  /** Only for this version of the object: what is there is a beginning of the data. */
  readonly path: string;
  /** Never more is written. */
  readonly maxBytes: number;
  /** Called when something was there already. */
  readonly resumed: (bytes: number) => void;
  readonly signal: AbortSignal;
}

export type Downloaded =
  /** In the file, on the disk, and what the hub says it is. */
  | { readonly t: "whole"; readonly bytes: number }
  /** The file is emptied. */
  | { readonly t: "damaged"; readonly detail: string };

/** Throws EssError, or what the disk says: then what has come stays for the next attempt. */
export async function download(options: DownloadOptions): Promise<Downloaded> {
  const { path } = options;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "a+", 0o600);
  try {
    const downloaded = await fill(file, options);
    if (downloaded.t === "damaged") await file.truncate(0);
    else await file.sync();
    return downloaded;
  } finally {
    await file.close();
  }
}

async function fill(file: FileHandle, options: DownloadOptions): Promise<Downloaded> {
  const { ess, object, maxBytes, resumed, signal } = options;
  const { type, id, bytes } = object;
  // Without the size nobody knows whether what is there is all.
  if (bytes === undefined) await file.truncate(0);
  let integrity = await readBack(file, object, signal);
  if (integrity.bytes > 0) resumed(integrity.bytes);
  while (bytes === undefined || integrity.bytes < bytes) {
    const before = integrity.bytes;
    const range = nextRange(before, bytes);
    const { offset, chunks } = await ess.data(type, id, range, signal);
    const isPart = range !== undefined && offset === before;
    if (!isPart && before > 0) {
      // The service gives the whole again.
      await file.truncate(0);
      integrity = new Integrity(object);
    }
    if (!isPart && offset !== 0) return damaged(`the data begin at byte ${offset}`);
    const most = Math.min(maxBytes, bytes ?? maxBytes);
    for await (const chunk of chunks) {
      if (integrity.bytes + chunk.length > most) return damaged(`more than ${most} bytes came`);
      await writeAll(file, chunk);
      integrity.update(chunk);
    }
    // An answer that ended by itself was all that there is.
    if (bytes === undefined || integrity.bytes < (isPart ? range.last + 1 : bytes)) break;
  }
  const fault = integrity.fault();
  return fault === undefined ? { t: "whole", bytes: integrity.bytes } : damaged(fault);
}

/** The first attempt asks for the whole, which the service streams from its disk. */
function nextRange(first: number, bytes: number | undefined): Range | undefined {
  if (first === 0 || bytes === undefined) return undefined;
  return { first, last: Math.min(first + RANGE_BYTES, bytes) - 1 };
}

/** What an earlier attempt has left counts as if it came now. */
async function readBack(
  file: FileHandle,
  object: EssObject,
  signal: AbortSignal,
): Promise<Integrity> {
  const { size } = await file.stat();
  const integrity = new Integrity(object);
  if (object.bytes !== undefined && size > object.bytes) {
    await file.truncate(0);
    return integrity;
  }
  const buffer = Buffer.alloc(BUFFER_BYTES);
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, BUFFER_BYTES, integrity.bytes);
    if (bytesRead === 0) return integrity;
    integrity.update(buffer.subarray(0, bytesRead));
  }
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, offset);
    offset += bytesWritten;
  }
}

function damaged(detail: string): Downloaded {
  return { t: "damaged", detail };
}
