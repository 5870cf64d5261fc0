/** Archives of bundles for tests, valid and invalid, made entry by entry. */

import { createHash, type KeyObject } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { MANIFEST, SIGNATURE } from "../manifest.js";
import { signManifest } from "../signature.js";

/** May have header fields that tar-stream's types do not allow, but which it writes. */
export type RawEntry = Partial<Header> & { readonly name: string; readonly content?: Buffer };

export interface BundleParts {
  readonly name?: string;
  readonly version?: string;
  readonly boards?: readonly string[];
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly key?: KeyObject;
  /** Overrides fields of the manifest. */
  readonly lies?: Readonly<Record<string, unknown>>;
}

export const FILES: Readonly<Record<string, string>> = {
  "config_infer.txt": "[property]\nonnx-file=network.onnx\nlabelfile-path=labels.txt\n",
  "labels.txt": "person\ncar\n",
  "network.onnx": "not really a network",
};

/** The entries of a valid bundle, in order. */
export function entriesOf(parts: BundleParts = {}): RawEntry[] {
  const { name = "street", version = "1.0.0", boards = [], files = FILES, key, lies } = parts;
  const contents = Object.entries(files).map(
    ([path, content]) => [path, Buffer.from(content)] as const,
  );
  const manifest = Buffer.from(
    JSON.stringify({
      format: 1,
      name,
      version,
      boards,
      files: contents.map(([path, content]) => ({
        path,
        bytes: content.length,
        sha256: createHash("sha256").update(content).digest("hex"),
      })),
      ...lies,
    }),
  );
  return [
    { name: MANIFEST, content: manifest },
    ...(key === undefined
      ? []
      : [{ name: SIGNATURE, content: Buffer.from(signManifest(manifest, key)) }]),
    ...contents.map(([path, content]) => ({ name: path, content })),
  ];
}

export async function tar(entries: readonly RawEntry[]): Promise<Buffer> {
  const tape = pack();
  for (const { content = Buffer.alloc(0), ...header } of entries) {
    const size = header.size ?? content.length;
    tape.entry({ mtime: new Date(0), ...header, size }, content);
  }
  tape.finalize();
  const chunks: Buffer[] = [];
  // Its types do not say what a stream consists of.
  for await (const chunk of tape as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function tarGz(entries: readonly RawEntry[]): Promise<Buffer> {
  return gzipSync(await tar(entries));
}

export function bundle(parts: BundleParts = {}): Promise<Buffer> {
  return tarGz(entriesOf(parts));
}

/** Changes bytes of a tar header and corrects its checksum. offset: of the header. */
export function patchHeader(archive: Buffer, offset: number, at: number, bytes: Buffer): Buffer {
  const copy = Buffer.from(archive);
  bytes.copy(copy, offset + at);
  copy.fill(" ", offset + 148, offset + 156);
  const sum = copy.subarray(offset, offset + 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, offset + 148, "latin1");
  return copy;
}
