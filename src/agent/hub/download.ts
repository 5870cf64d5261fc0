/** Downloads the data of an object into a file, resumes unfinished downloads, and verifies the data. */

import { constants, createHash, createPublicKey, createVerify } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ByteRange, Ess, EssObject, ObjectSignature } from "./ess.js";

/** The service holds a range in memory while it sends it. */
const RANGE_BYTES = 4 * 1024 * 1024;
const BUFFER_BYTES = 64 * 1024;

export interface DownloadOptions {
  readonly ess: Ess;
  readonly object: EssObject;
  /** Used for this version of the object only: what is there is the beginning of its data. */
  readonly path: string;
  /** Never more is written. */
  readonly maxBytes: number;
  /** Called if a part was there already. */
  readonly resumed: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Undefined: the data are complete, verified and durable. Otherwise returns how they are damaged, after emptying the file.
 * Throws EssError or file system errors; the part that has arrived then stays for the next attempt.
 */
export async function download(options: DownloadOptions): Promise<string | undefined> {
  const { path } = options;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "a+", 0o600);
  try {
    const damage = await fill(file, options);
    if (damage === undefined) await file.sync();
    else await file.truncate(0);
    return damage;
  } finally {
    await file.close();
  }
}

type ObjectVersion = Pick<EssObject, "id" | "instance" | "dataId">;

/** The file of the data of one version of an object. */
export function partialFile(directory: string, object: ObjectVersion): string {
  return join(directory, partialName(object));
}

/** Removes everything but the files of these objects. An obstacle also fails the next download, which reports it. */
export async function removeOtherFiles(
  directory: string,
  objects: readonly ObjectVersion[],
): Promise<void> {
  const kept = new Set(objects.map(partialName));
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    if (kept.has(name)) continue;
    await rm(join(directory, name), { recursive: true, force: true }).catch(() => {});
  }
}

function partialName({ id, instance, dataId }: ObjectVersion): string {
  const name = createHash("sha256").update(id).digest("hex").slice(0, 16);
  return `${name}-${instance}-${dataId}.part`;
}

async function fill(file: FileHandle, options: DownloadOptions): Promise<string | undefined> {
  const { ess, object, maxBytes, resumed, signal } = options;
  const { type, id, bytes } = object;
  // Without the size nobody can tell whether a part is everything.
  if (bytes === undefined) await file.truncate(0);
  let verification = await verifyPart(file, object, signal);
  if (verification.bytes > 0) resumed(verification.bytes);
  while (bytes === undefined || verification.bytes < bytes) {
    const before = verification.bytes;
    const range = nextRange(before, bytes);
    const { offset, chunks } = await ess.data(type, id, range, signal);
    const isPart = range !== undefined && offset === before;
    if (!isPart && before > 0) {
      // The service sends everything again.
      await file.truncate(0);
      verification = new Verification(object);
    }
    if (!isPart && offset !== 0) return `the data begin at byte ${offset}`;
    const limit = Math.min(maxBytes, bytes ?? maxBytes);
    for await (const chunk of chunks) {
      if (verification.bytes + chunk.length > limit) return `received more than ${limit} bytes`;
      await file.writeFile(chunk);
      verification.update(chunk);
    }
    // An answer that ended by itself was everything there is.
    if (bytes === undefined || verification.bytes < (isPart ? range.last + 1 : bytes)) break;
  }
  return verification.fault();
}

/** The first attempt asks for the whole object, which the service streams from its disk. */
function nextRange(first: number, bytes: number | undefined): ByteRange | undefined {
  if (first === 0 || bytes === undefined) return undefined;
  return { first, last: Math.min(first + RANGE_BYTES, bytes) - 1 };
}

/** Reads what an earlier attempt has left. */
async function verifyPart(
  file: FileHandle,
  object: EssObject,
  signal: AbortSignal,
): Promise<Verification> {
  const { size } = await file.stat();
  const verification = new Verification(object);
  if (object.bytes !== undefined && size > object.bytes) {
    await file.truncate(0);
    return verification;
  }
  const buffer = Buffer.alloc(BUFFER_BYTES);
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, BUFFER_BYTES, verification.bytes);
    if (bytesRead === 0) return verification;
    verification.update(buffer.subarray(0, bytesRead));
  }
}

/**
 * Checks whether data are those that were published, by everything that the metadata tell: the size, `sha256:` and 64
 * hexadecimal digits in the description, and the signature that `hzn mms object publish` makes.
 */
class Verification {
  readonly #object: EssObject;
  readonly #hash = createHash("sha256");
  readonly #verify: ReturnType<typeof createVerify> | undefined;
  #bytes = 0;

  constructor(object: EssObject) {
    this.#object = object;
    this.#verify = object.signature && createVerify(object.signature.hashAlgorithm);
  }

  /** Seen so far. */
  get bytes(): number {
    return this.#bytes;
  }

  update(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#hash.update(chunk);
    this.#verify?.update(chunk);
  }

  /** What is wrong; undefined: nothing. Call it once, at the end. */
  fault(): string | undefined {
    const { bytes, description, signature } = this.#object;
    if (bytes !== undefined && this.#bytes !== bytes) {
      return `received ${this.#bytes} bytes, the hub says ${bytes}`;
    }
    const expected = /\bsha256:([0-9a-f]{64})\b/i.exec(description)?.[1]?.toLowerCase();
    const actual = this.#hash.digest("hex");
    if (expected !== undefined && expected !== actual) {
      return `the SHA-256 is ${actual}, the hub says ${expected}`;
    }
    return signature && this.#signatureFault(signature);
  }

  #signatureFault({ publicKey, signature, hashAlgorithm }: ObjectSignature): string | undefined {
    try {
      const der = Buffer.from(publicKey, "base64");
      const key = createPublicKey({ key: der, format: "der", type: "spki" });
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const saltLength = constants.RSA_PSS_SALTLEN_AUTO;
      const isValid = this.#verify?.verify({ key, padding, saltLength }, signature, "base64");
      return isValid ? undefined : `the hub's signature does not match (${hashAlgorithm})`;
    } catch {
      // Node reports an OpenSSL error, which says less.
      return "the hub's signature cannot be checked: its key is not an RSA key";
    }
  }
}
