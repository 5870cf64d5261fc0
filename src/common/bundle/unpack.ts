/** Unpacks the archive of a bundle into a fresh directory. What is there afterwards is whole and on the disk. */

import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { syncDirectory } from "../files/durable.js";
import { type ArchiveLimits, type Opened, readArchive } from "./archive.js";
import { MANIFEST, SIGNATURE } from "./manifest.js";
import type { Trust } from "./signature.js";

/** The sidecar, another user, reads them. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

export interface UnpackOptions {
  readonly limits: ArchiveLimits;
  readonly trust: Trust;
  /** Called with the manifest before anything is written. Throws to refuse. */
  readonly admit: (opened: Opened) => void | Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Makes the directory. Throws BundleError for a bundle that is refused, and what the disk says otherwise: then the
 * caller removes what is there.
 */
export async function unpack(
  source: Readable,
  directory: string,
  { limits, trust, admit, signal }: UnpackOptions,
): Promise<Opened> {
  const directories = new Set([directory]);
  const write = async (path: string, content: AsyncIterable<Buffer> | Iterable<Buffer>) => {
    const place = join(directory, path);
    for (let above = dirname(place); !directories.has(above); above = dirname(above)) {
      await mkdir(above, { recursive: true, mode: DIRECTORY_MODE });
      directories.add(above);
    }
    // Never into what is there already: a link for one.
    const file = await open(place, "wx", FILE_MODE);
    try {
      for await (const chunk of content) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
  };
  const sink = {
    async begin(opened: Opened) {
      await admit(opened);
      await mkdir(directory, { mode: DIRECTORY_MODE });
      await write(MANIFEST, [opened.manifestBytes]);
      if (opened.signature !== undefined) await write(SIGNATURE, [Buffer.from(opened.signature)]);
    },
    file: ({ path }: { readonly path: string }, content: AsyncIterable<Buffer>) =>
      write(path, content),
  };
  const opened = await readArchive(source, limits, trust, sink, signal);
  for (const made of directories) await syncDirectory(made);
  return opened;
}

async function writeAll(
  file: { write(chunk: Buffer, offset: number): Promise<{ bytesWritten: number }> },
  chunk: Buffer,
): Promise<void> {
  for (let offset = 0; offset < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, offset);
    offset += bytesWritten;
  }
}
