/**
 * The manifest of a model bundle: name, version, boards, and every file with its size and hash. A signature of the
 * manifest's bytes therefore covers the whole bundle.
 */

import { z } from "zod";
import { compareVersions } from "../horizon-version.js";
import { plainText } from "../plain-text.js";

export const MANIFEST = "manifest.json";
export const SIGNATURE = "manifest.sig";
/** The nvinfer configuration, without which a directory is not a bundle. */
export const CONFIG = "config_infer.txt";

export const FORMAT = 1;
export const MAX_MANIFEST_BYTES = 256 * 1024;
const MAX_FILES = 512;
const MAX_PATH_BYTES = 100;
const MAX_PATH_DEPTH = 6;

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const VERSION = /^\d{1,9}(?:\.\d{1,9}){0,2}(?:-[0-9A-Za-z][0-9A-Za-z.-]{0,31})?$/;
/** No leading dot, which excludes `..` and hidden files. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;

const fileSchema = z.strictObject({
  path: z.string().refine((path) => pathFault(path) === undefined, {
    error: ({ input }) => pathFault(String(input)) ?? "is not the path of a file in a bundle",
  }),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
});

const schema = z
  .strictObject({
    format: z.literal(FORMAT),
    name: z.string().regex(NAME, "must be a name such as nanodet-coco"),
    version: z.string().regex(VERSION, "must be a version such as 1.2.0"),
    /** Empty: any. */
    boards: z.array(z.string().regex(NAME, "must be a board such as t4")).max(64),
    files: z.array(fileSchema).min(1).max(MAX_FILES),
  })
  .superRefine(({ files }, context) => {
    const seen = new Set<string>();
    for (const [i, { path }] of files.entries()) {
      // A file system that ignores case would overwrite the first with the second.
      const key = path.toLowerCase();
      const isFile = [...seen].some((other) => key.startsWith(`${other}/`));
      const message = seen.has(key) ? "is listed twice" : "lies in a directory that is a file";
      if (seen.has(key) || isFile) {
        context.addIssue({ code: "custom", path: ["files", i, "path"], message });
      }
      seen.add(key);
    }
    if (files.some(({ path }) => path === CONFIG)) return;
    const message = `must hold ${CONFIG}, the nvinfer configuration`;
    context.addIssue({ code: "custom", path: ["files"], message });
  });

export type Manifest = z.infer<typeof schema>;
export type ManifestFile = Manifest["files"][number];

/** A bundle or its archive is not as it must be. Errors of this machine's disk are not BundleErrors. */
export class BundleError extends Error {
  override readonly name = "BundleError";
  /** What is wrong: the path of a file in the bundle, a field of the manifest, or `archive`. */
  readonly path: string;
  readonly reason: string;

  /** reason: one phrase that says what is wrong and, where possible, what to do. */
  constructor(path: string, reason: string, options?: ErrorOptions) {
    const [shownPath, shownReason] = [printable(path), printable(reason)];
    super(`${shownPath}: ${shownReason}`, options);
    this.path = shownPath;
    this.reason = shownReason;
  }
}

/** Names come out of archives: whatever they contain, a message is one line of sensible length. */
function printable(text: string): string {
  const plain = plainText(text);
  return plain.length > 300 ? `${plain.slice(0, 300)}...` : plain;
}

/** Why this cannot be the path of a file in a bundle; undefined: it can. */
export function pathFault(path: string): string | undefined {
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return "is absolute";
  if (path.includes("\\")) return "has a backslash";
  const segments = path.split("/");
  if (segments.includes("..")) return "leads outside";
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return `is longer than ${MAX_PATH_BYTES} bytes`;
  }
  if (segments.length > MAX_PATH_DEPTH) return `is deeper than ${MAX_PATH_DEPTH} directories`;
  if (!segments.every((segment) => SEGMENT.test(segment))) {
    return "may contain only letters, digits and . _ + -, and no part may begin with a dot";
  }
  return path === MANIFEST || path === SIGNATURE ? "is reserved for the archive" : undefined;
}

/** Throws BundleError, which names the first fault. */
export function checkManifest(value: unknown): Manifest {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BundleError(placeOf(issue?.path ?? []), issue?.message ?? "is not a manifest");
}

/** Throws BundleError, which names the first fault. */
export function parseManifest(bytes: Uint8Array): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new BundleError(MANIFEST, "is not JSON", { cause });
  }
  const format = typeof value === "object" && value !== null ? Reflect.get(value, "format") : 0;
  if (Number.isInteger(format) && format > FORMAT) {
    throw new BundleError(
      `${MANIFEST} format`,
      `is ${format}, and this version reads ${FORMAT}: update it, or pack with an older version`,
    );
  }
  return checkManifest(value);
}

/** The manifest as it is written into an archive; the same for the same content. */
export function manifestText(manifest: Manifest): string {
  const { format, name, version, boards, files } = manifest;
  const ordered = files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
  return `${JSON.stringify({ format, name, version, boards, files: ordered }, null, 2)}\n`;
}

/** Bytes of the files alone. */
export function bytesOf({ files }: Manifest): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Newer versions are greater; versions that are written differently are never equal. */
export function compareBundleVersions(a: string, b: string): number {
  const order = compareVersions(a, b);
  if (order !== 0 || a === b) return order;
  return a < b ? -1 : 1;
}

/** manifest.json files[2].path */
function placeOf(path: readonly PropertyKey[]): string {
  const place = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`));
  return `${MANIFEST} ${place.join("").replace(/^\./, "")}`.trimEnd();
}
