/**
 * Reads a bundle's archive as a stream: manifest.json, manifest.sig if it is signed, then the files that the manifest
 * lists, each once, in any order. Everything is checked before or while it is passed on, and only regular files are.
 */

import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { type Extract, extract as newExtract } from "tar-stream";
import {
  BundleError,
  bytesOf,
  MANIFEST,
  MAX_MANIFEST_BYTES,
  type Manifest,
  type ManifestFile,
  parseManifest,
  pathFault,
  SIGNATURE,
} from "./manifest.js";
import { NativeCode } from "./native-code.js";
import { checkSignature, type Signed, type Trust } from "./signature.js";

export interface Opened {
  readonly manifest: Manifest;
  /** As in the archive: what was signed. */
  readonly manifestBytes: Buffer;
  readonly signature: string | undefined;
  readonly signed: Signed;
  /** See NativeCode.found. Complete when the archive has been read. */
  readonly native: NativeCode;
}

/** Receives what has been checked. Throws to end the reading. */
export interface Sink {
  /** Called before any file. */
  begin(opened: Opened): Promise<void>;
  /** The content must be read to its end, where it throws if it is not what the manifest says. */
  file(file: ManifestFile, content: AsyncIterable<Buffer>): Promise<void>;
}

export interface ArchiveLimits {
  /** Bytes of all files together. */
  readonly maxBytes: number;
}

const MAX_SIGNATURE_BYTES = 1024;
type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

/** For tar headers and padding. */
const OVERHEAD_BYTES = 4 * 1024 * 1024;
/** gzip reaches 1000 with zeros; networks and labels stay below 20. */
const MAX_RATIO = 200;
/** Small archives of repeated text compress well. */
const RATIO_FROM_BYTES = 16 * 1024 * 1024;

/** Throws BundleError if the archive is at fault, and errors of the disk or the source as they are. */
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
    // A destroyed stream does not say why; the tape does.
    const isOurs = reason instanceof BundleError || broken === undefined;
    throw asBundleError(isOurs ? reason : broken);
  }
}

/** Compares packed and unpacked bytes, and stops a decompression bomb before it is written. */
class Meter {
  #packed = 0;
  #unpacked = 0;
  #maxBytes = MAX_MANIFEST_BYTES + OVERHEAD_BYTES;

  /** bytes: of all files, by the manifest. */
  expect(bytes: number): void {
    this.#maxBytes = bytes + OVERHEAD_BYTES;
  }

  packed(bytes: number): void {
    this.#packed += bytes;
  }

  unpacked(bytes: number): void {
    this.#unpacked += bytes;
    if (this.#unpacked > this.#maxBytes) {
      throw new BundleError("archive", `unpacks to more than ${this.#maxBytes} bytes`);
    }
    const limit = Math.max(RATIO_FROM_BYTES, this.#packed * MAX_RATIO);
    if (this.#unpacked > limit) {
      throw new BundleError("archive", `unpacks to more than ${MAX_RATIO} times its size`);
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
    // The signature comes first, so that as little as possible of an untrusted archive is parsed.
    const signed = checkSignature(text, signature, trust);
    const manifest = parseManifest(text);
    const bytes = bytesOf(manifest);
    if (bytes > maxBytes) {
      throw new BundleError(
        "archive",
        `unpacks to ${bytes} bytes: at most ${maxBytes} are allowed`,
      );
    }
    meter.expect(bytes);
    const native = new NativeCode(manifest);
    native.check(signed, trust);
    const all = { manifest, manifestBytes: text, signature, signed, native };
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
      manifestBytes = await readSmall(entry, MAX_MANIFEST_BYTES);
      continue;
    }
    if (opened === undefined) {
      const isSignature = name === SIGNATURE;
      const signature = isSignature ? await readSmall(entry, MAX_SIGNATURE_BYTES) : undefined;
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
    const { size } = entry.header;
    if (size !== file.bytes) {
      throw new BundleError(name, `has ${size} bytes, ${MANIFEST} says ${file.bytes}`);
    }
    const fault = `is not what was packed: its SHA-256 differs from the one in ${MANIFEST}`;
    await sink.file(file, opened.native.watch(name, verified(contentOf(entry), file, fault)));
    opened.native.check(opened.signed, trust);
  }
  if (manifestBytes === undefined) throw new BundleError("archive", "is empty");
  opened ??= await open(manifestBytes, undefined);
  const [absent] = missing.values();
  if (absent !== undefined)
    throw new BundleError(absent.path, "is not in the archive: is it truncated?");
  return opened;
}

function unexpected(name: string, { files }: Manifest): string {
  if (files.some(({ path }) => path === name)) return "is in the archive twice";
  return pathFault(name) ?? `is not in ${MANIFEST}`;
}

/** Accepts only regular files and directories, with names in tar's own header. */
function checkHeader({ header }: Entry): void {
  const { name, type, pax, size } = header;
  // tar-stream returns null for a size that it cannot read, and then waits for ever.
  if (!Number.isSafeInteger(size) || size < 0) throw new BundleError(name, "has no size");
  if (type !== "file" && type !== "directory") {
    const kind =
      type == null
        ? "an entry of a kind that tar does not define, such as a sparse file"
        : `a ${type}`;
    throw new BundleError(name, `is ${kind}: a bundle holds only regular files`);
  }
  if (pax !== null && pax !== undefined) {
    throw new BundleError(name, "has pax headers: make the archive with slipstream model pack");
  }
  if (type === "file") return;
  const fault = pathFault(name.replace(/\/$/, ""));
  if (fault !== undefined) throw new BundleError(name, fault);
}

async function readSmall(entry: Entry, maxBytes: number): Promise<Buffer> {
  const { name, size = 0, type } = entry.header;
  if (size > maxBytes) {
    throw new BundleError(name, `has ${size} bytes: at most ${maxBytes} are allowed`);
  }
  if (maxBytes > 0 && type !== "file") throw new BundleError(name, "must be a regular file");
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(entry)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** tar-stream passes on slices of the buffers that it receives. */
function contentOf(entry: Entry): AsyncIterable<Buffer> {
  // Its types do not say what a stream consists of.
  return entry as AsyncIterable<Buffer>;
}

/** Passes on the content of a file, and throws `fault` at its end if its hash is not the manifest's. */
export async function* verified(
  content: AsyncIterable<Buffer>,
  { path, sha256 }: ManifestFile,
  fault: string,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash("sha256");
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== sha256) throw new BundleError(path, fault);
}

/** zlib and tar-stream throw plain errors for bytes that they cannot read. */
function asBundleError(reason: unknown): unknown {
  if (!(reason instanceof Error) || reason instanceof BundleError) return reason;
  const code = "code" in reason ? String(reason.code) : undefined;
  if (code?.startsWith("Z_") !== true && (code !== undefined || reason.name !== "Error"))
    return reason;
  return new BundleError("archive", `is truncated, damaged or not a tar.gz (${reason.message})`, {
    cause: reason,
  });
}
