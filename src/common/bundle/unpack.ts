/** Unpacks a bundle's archive into a new directory. What is there afterwards is complete and durable. */

import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { syncDirectory } from "../files/durable.js";
import { MANIFEST, SIGNATURE } from "./manifest.js";
import { type ArchiveLimits, type Opened, readArchive } from "./read-archive.js";
import type { Trust } from "./signature.js";

/** The sidecar runs as another user and reads the files. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

export interface UnpackOptions {
  readonly limits: ArchiveLimits;
  readonly trust: Trust;
  /** Called before anything is written. Throws to refuse the bundle. */
  readonly admit: (opened: Opened) => void | Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Creates the directory. Throws BundleError if the bundle is refused, or file system errors; the caller then removes what
 * is there.
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
    // Never writes to something that exists, such as a link.
    const file = await open(place, "wx", FILE_MODE);
    try {
      for await (const chunk of content) await file.writeFile(chunk);
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
