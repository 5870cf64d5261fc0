/** Writes a bundle's archive. The same directory always gives the same bytes. */

import { createHash, type KeyObject, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack as newPack, type Pack } from "tar-stream";
import {
  BundleError,
  checkManifest,
  FORMAT,
  MANIFEST,
  type Manifest,
  type ManifestFile,
  manifestText,
  SIGNATURE,
} from "./manifest.js";
import { readArchive, verified } from "./read-archive.js";
import { signManifest, TRUST_ALL } from "./signature.js";

export interface PackOptions {
  readonly name: string;
  readonly version: string;
  /** Empty: any. */
  readonly boards: readonly string[];
  readonly key?: KeyObject | undefined;
  readonly signal: AbortSignal;
}

export interface Packed {
  readonly manifest: Manifest;
  /** Files of the directory that do not belong in a bundle. */
  readonly leftOut: readonly string[];
}

/** Writes the complete archive, or nothing. Throws BundleError. */
export async function packBundle(
  directory: string,
  archive: string,
  options: PackOptions,
): Promise<Packed> {
  const { paths, leftOut } = await filesOf(directory);
  const files: ManifestFile[] = [];
  for (const path of paths) files.push(await measure(directory, path));
  const { name, version, boards, key, signal } = options;
  const manifest = checkManifest({
    format: FORMAT,
    name,
    version,
    boards: [...new Set(boards)].sort(),
    files,
  });
  const manifestBytes = Buffer.from(manifestText(manifest));
  await writeArchive(archive, signal, async (tape) => {
    await add(tape, MANIFEST, manifestBytes.length, [manifestBytes]);
    if (key !== undefined) await addSignature(tape, signManifest(manifestBytes, key));
    for (const file of manifest.files) {
      const content = createReadStream(join(directory, file.path));
      const fault = "changed while it was being packed";
      await add(tape, file.path, file.bytes, verified(content, file, fault));
    }
  });
  return { manifest, leftOut };
}

/** Writes a copy of an archive with a signature by this key, which replaces any other. */
export async function signBundle(
  archive: string,
  signed: string,
  key: KeyObject,
  signal: AbortSignal,
): Promise<Manifest> {
  let manifest: Manifest | undefined;
  await writeArchive(signed, signal, async (tape) => {
    const source = createReadStream(archive);
    const sink = {
      begin: async ({ manifestBytes }: { readonly manifestBytes: Buffer }) => {
        await add(tape, MANIFEST, manifestBytes.length, [manifestBytes]);
        await addSignature(tape, signManifest(manifestBytes, key));
      },
      file: ({ path, bytes }: ManifestFile, content: AsyncIterable<Buffer>) =>
        add(tape, path, bytes, content),
    };
    const limits = { maxBytes: Number.MAX_SAFE_INTEGER };
    ({ manifest } = await readArchive(source, limits, TRUST_ALL, sink, signal));
  });
  if (manifest === undefined) throw new Error("an archive was written without a manifest");
  return manifest;
}

/** Leaves out hidden files, programs, and TensorRT engines, which are built on their board. Refuses links. */
async function filesOf(
  directory: string,
): Promise<{ readonly paths: readonly string[]; readonly leftOut: readonly string[] }> {
  const paths: string[] = [];
  const leftOut: string[] = [];
  const visit = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(directory, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      const isOurs = below === "" && (entry.name === MANIFEST || entry.name === SIGNATURE);
      if (entry.name.startsWith(".") || entry.name === "__pycache__" || isOurs) leftOut.push(path);
      else if (/\.(?:engine|py|pyc)$/.test(entry.name)) leftOut.push(path);
      else if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) paths.push(path);
      else
        throw new BundleError(
          path,
          "is a link or a special file: a bundle holds only regular files",
        );
    }
  };
  await visit("");
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  return { paths: paths.sort(byBytes), leftOut: leftOut.sort(byBytes) };
}

async function measure(directory: string, path: string): Promise<ManifestFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(join(directory, path))) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { path, bytes, sha256: hash.digest("hex") };
}

async function writeArchive(
  path: string,
  signal: AbortSignal,
  fill: (tape: Pack) => Promise<void>,
): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  const tape = newPack();
  try {
    const writing = pipeline(tape, createGzip(), createWriteStream(fresh, { flags: "wx" }), {
      signal,
    });
    const filling = fill(tape).then(
      () => tape.finalize(),
      (reason: Error) => {
        tape.destroy(reason);
        throw reason;
      },
    );
    const [filled, written] = await Promise.allSettled([filling, writing]);
    if (filled.status === "rejected") throw filled.reason;
    if (written.status === "rejected") throw written.reason;
    const handle = await open(fresh, "r");
    await handle.sync().finally(() => handle.close());
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
}

function addSignature(tape: Pack, signature: string): Promise<void> {
  const bytes = Buffer.from(signature, "latin1");
  return add(tape, SIGNATURE, bytes.length, [bytes]);
}

/** Headers contain nothing that does not follow from the content. */
async function add(
  tape: Pack,
  name: string,
  size: number,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<void> {
  const header = { name, size, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 };
  let ended: (reason?: Error | null) => void = () => {};
  const written = new Promise<void>((resolve, reject) => {
    ended = (reason) => (reason == null ? resolve() : reject(reason));
  });
  // Reported below, or by the content that failed.
  written.catch(() => {});
  const entry = tape.entry(header, (reason) => ended(reason));
  for await (const chunk of content) {
    if (entry.write(chunk)) continue;
    const drained = new Promise<void>((resolve) => {
      entry.once("drain", resolve);
    });
    await Promise.race([drained, written]);
  }
  entry.end(null);
  await written;
}
