/**
 * Reads the archive of a bundle as a stream: manifest.json, manifest.sig if it is signed, and then the files that the
 * manifest lists, each once, in any order. Everything is checked before or while it is handed on, and nothing but plain
 * files is.
 */

import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { type Extract, extract as newExtract } from "tar-stream";
import { BundleError } from "./bundle-error.js";
import {
  bytesOf,
  LARGEST_MANIFEST_BYTES,
  MANIFEST,
  type Manifest,
  type ManifestFile,
  parseManifest,
  pathFault,
  SIGNATURE,
} from "./manifest.js";
import { checkSignature, type Signed, type Trust } from "./signature.js";

export interface Opened {
  readonly manifest: Manifest;
  /** As it stands in the archive: what was signed. */
  readonly manifestBytes: Buffer;
  readonly signature: string | undefined;
  readonly signed: Signed;
}

/** Gets what has been checked. What it throws ends the reading. */
export interface Sink {
  /** Before any file. */
  begin(opened: Opened): Promise<void>;
  /** The content throws at its end if it is not what the manifest says. It must be read to its end. */
  file(file: ManifestFile, content: AsyncIterable<Buffer>): Promise<void>;
}

export interface ArchiveLimits {
  /** Of all files together. */
  readonly maxBytes: number;
}

const LARGEST_SIGNATURE_BYTES = 1024;
type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

/** Headers and padding of tar, beside the files. */
const OVERHEAD_BYTES = 4 * 1024 * 1024;
/** gzip reaches 1000 with zeros; networks and labels stay below 20. */
const HIGHEST_RATIO = 200;
/** Small archives of repeated text compress well. */
const RATIO_FROM_BYTES = 16 * 1024 * 1024;

/** What remains is the archive's fault: BundleError. An error of the disk or of the source is thrown as it is. */
export async function readArchive(
  source: Readable,
  limits: ArchiveLimits,
  trust: Trust,
  sink: Sink,
  signal: AbortSignal,
): Promise<Opened> {
  const tape = newExtract();
  let broken: Error | undefined;
  tape.on("error", (reason) => {
    broken = reason;
  });
  const meter = new Meter();
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      meter.packed(chunk.length);
      yield chunk;
    }
  };
  const feeding = pipeline(
    source,
    count,
    createGunzip({ chunkSize: 64 * 1024 }),
    (chunks: AsyncIterable<Buffer>) => feed(chunks, tape, meter),
    { signal },
  );
  feeding.catch((reason: Error) => tape.destroy(reason));
  try {
    const opened = await readEntries(tape, meter, limits, trust, sink);
    await feeding;
    return opened;
  } catch (reason) {
    tape.destroy(null);
    await feeding.catch(() => {});
    signal.throwIfAborted();
    // A stream that was destroyed says no more than that; why, the tape knows.
    const isOurs = reason instanceof BundleError || broken === undefined;
    throw asBundleError(isOurs ? reason : broken);
  }
}

/** Counts what goes in and comes out, and stops a bomb before it is written. */
class Meter {
  #packed = 0;
  #unpacked = 0;
  #most = LARGEST_MANIFEST_BYTES + OVERHEAD_BYTES;

  /** Of all files, as the manifest says. */
  expect(bytes: number): void {
    this.#most = bytes + OVERHEAD_BYTES;
  }

  packed(bytes: number): void {
    this.#packed += bytes;
  }

  unpacked(bytes: number): void {
    this.#unpacked += bytes;
    if (this.#unpacked > this.#most) {
      throw new BundleError("archive", `unpacks to more than ${this.#most} bytes`);
    }
    const most = Math.max(RATIO_FROM_BYTES, this.#packed * HIGHEST_RATIO);
    if (this.#unpacked > most) {
      throw new BundleError("archive", `unpacks to more than ${HIGHEST_RATIO} times its size`);
    }
  }
}

async function feed(chunks: AsyncIterable<Buffer>, tape: Extract, meter: Meter): Promise<void> {
  for await (const chunk of chunks) {
    meter.unpacked(chunk.length);
    if (tape.destroyed) return;
    if (tape.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        tape.off("drain", go).off("close", go);
        resolve();
      };
      tape.on("drain", go).on("close", go);
      if (tape.destroyed) go();
    });
  }
  tape.end(null);
}

async function readEntries(
  tape: Extract,
  meter: Meter,
  { maxBytes }: ArchiveLimits,
  trust: Trust,
  sink: Sink,
): Promise<Opened> {
  let manifestBytes: Buffer | undefined;
  let opened: Opened | undefined;
  const open = async (text: Buffer, signature: string | undefined): Promise<Opened> => {
    // The signature first: of what nobody vouches for, as little as possible is read.
    const signed = checkSignature(text, signature, trust);
    const manifest = parseManifest(text);
    const bytes = bytesOf(manifest);
    if (bytes > maxBytes) {
      throw new BundleError("archive", `unpacks to ${bytes} bytes, allowed are ${maxBytes}`);
    }
    meter.expect(bytes);
    const all = { manifest, manifestBytes: text, signature, signed };
    await sink.begin(all);
    return all;
  };
  const missing = new Map<string, ManifestFile>();
  for await (const entry of tape) {
    const { name } = entry.header;
    checkHeader(entry);
    if (manifestBytes === undefined) {
      if (name !== MANIFEST)
        throw new BundleError(name, `comes before ${MANIFEST}, which is first`);
      manifestBytes = await readSmall(entry, LARGEST_MANIFEST_BYTES);
      continue;
    }
    if (opened === undefined) {
      const isSignature = name === SIGNATURE;
      const signature = isSignature ? await readSmall(entry, LARGEST_SIGNATURE_BYTES) : undefined;
      opened = await open(manifestBytes, signature?.toString("latin1"));
      for (const file of opened.manifest.files) missing.set(file.path, file);
      if (isSignature) continue;
    }
    if (entry.header.type === "directory") {
      await readSmall(entry, 0);
      continue;
    }
    const file = missing.get(name);
    if (file === undefined) throw new BundleError(name, unexpected(name, opened.manifest));
    missing.delete(name);
    await sink.file(file, checked(entry, file));
  }
  if (manifestBytes === undefined) throw new BundleError("archive", "is empty");
  opened ??= await open(manifestBytes, undefined);
  const [absent] = missing.values();
  if (absent !== undefined) throw new BundleError(absent.path, "is not in the archive: cut short?");
  return opened;
}

function unexpected(name: string, { files }: Manifest): string {
  if (files.some(({ path }) => path === name)) return "is in the archive twice";
  return pathFault(name) ?? `is not in ${MANIFEST}`;
}

/** Only plain files and directories, with names in tar's own header. */
function checkHeader({ header }: Entry): void {
  const { name, type, pax, size } = header;
  // tar-stream gives null for a size that it cannot read, and then waits for ever.
  if (!Number.isSafeInteger(size) || size < 0) throw new BundleError(name, "has no size");
  if (type !== "file" && type !== "directory") {
    const kind = type ?? "entry of a kind that tar does not define, sparse for one";
    throw new BundleError(name, `is a ${kind}: a bundle holds plain files alone`);
  }
  if (pax !== null && pax !== undefined) {
    throw new BundleError(name, "has pax headers: make the archive with slipstream model pack");
  }
  if (type === "file") return;
  const fault = pathFault(name.replace(/\/$/, ""));
  if (fault !== undefined) throw new BundleError(name, fault);
}

async function readSmall(entry: Entry, most: number): Promise<Buffer> {
  const { name, size = 0, type } = entry.header;
  if (size > most) throw new BundleError(name, `has ${size} bytes: at most ${most} are allowed`);
  if (most > 0 && type !== "file") throw new BundleError(name, "must be a plain file");
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(entry)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** tar-stream gives parts of the buffers that it was given. */
function contentOf(entry: Entry): AsyncIterable<Buffer> {
  // Its types leave open what a stream is made of.
  return entry as AsyncIterable<Buffer>;
}

async function* checked(
  entry: Entry,
  { path, bytes, sha256 }: ManifestFile,
): AsyncGenerator<Buffer, void, undefined> {
  const { size } = entry.header;
  if (size !== bytes) {
    throw new BundleError(path, `has ${size} bytes, ${MANIFEST} says ${bytes}`);
  }
  const hash = createHash("sha256");
  for await (const chunk of contentOf(entry)) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== sha256) {
    throw new BundleError(
      path,
      `is not what was packed: its SHA-256 is not the one of ${MANIFEST}`,
    );
  }
}

/** zlib and tar-stream say with plain errors that the bytes are none of theirs. */
function asBundleError(reason: unknown): unknown {
  if (!(reason instanceof Error) || reason instanceof BundleError) return reason;
  const code = "code" in reason ? String(reason.code) : undefined;
  if (code?.startsWith("Z_") !== true && (code !== undefined || reason.name !== "Error"))
    return reason;
  return new BundleError("archive", `is cut short, damaged or no tar.gz (${reason.message})`, {
    cause: reason,
  });
}
