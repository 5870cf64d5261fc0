/** Checks installed bundles: what is on the disk must be what was accepted, by whom it was signed included. */

import { createReadStream, type Dirent, readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import {
  BundleError,
  MANIFEST,
  type Manifest,
  parseManifest,
  SIGNATURE,
} from "../../common/bundle/manifest.js";
import { NativeCode } from "../../common/bundle/native-code.js";
import { verified } from "../../common/bundle/read-archive.js";
import { checkSignature, type Trust } from "../../common/bundle/signature.js";
import { readIfThere } from "../../common/files/durable.js";

export interface Verified {
  readonly manifest: Manifest;
  readonly manifestBytes: number;
  /** See fingerprint(); taken before the files were read. */
  readonly fingerprint: string;
}

/** Reads every byte. Throws BundleError for what would not be accepted as an archive either. */
export async function verifyInstalled(directory: string, trust: Trust): Promise<Verified> {
  const before = fingerprint(directory);
  const text = await readFile(join(directory, MANIFEST));
  const signed = checkSignature(text, await readIfThere(join(directory, SIGNATURE)), trust);
  const manifest = parseManifest(text);
  const listed = new Set([MANIFEST, SIGNATURE, ...manifest.files.map(({ path }) => path)]);
  const stranger = entriesOf(directory).find((path) => !listed.has(path));
  if (stranger !== undefined) throw new BundleError(stranger, `is not in ${MANIFEST}`);
  const native = new NativeCode(manifest);
  for (const file of manifest.files) {
    const fault = "was changed on the disk after it was installed";
    const content = verified(createReadStream(join(directory, file.path)), file, fault);
    for await (const _chunk of native.watch(file.path, content));
  }
  native.check(signed, trust);
  return { manifest, manifestBytes: text.length, fingerprint: before };
}

/** Changes with every file that is written, replaced, added or removed. Throws file system errors. */
export function fingerprint(directory: string): string {
  const facts = entriesOf(directory).map((path) => {
    const { ino, size, mtimeMs, ctimeMs } = statSync(join(directory, path));
    return [path, ino, size, mtimeMs, ctimeMs];
  });
  return JSON.stringify(facts);
}

/** Paths of everything but directories, sorted. */
function entriesOf(directory: string): string[] {
  const entries: Dirent[] = readdirSync(directory, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}
