/** Reads a model bundle from a directory, or one nvinfer configuration file with what lies beside it. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { NvinferKey } from "../../../common/catalogue/data.js";
import { closest } from "../../../common/closest.js";
import { readText } from "../../../common/files/read.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import type { Bundle, FileFacts } from "./bundle.js";
import { type KeyFile, parseKeyFile } from "./ini.js";
import { readOnnx } from "./onnx.js";
import { OnnxError, type ReadAt } from "./protobuf.js";

const CONFIG = "config_infer.txt";
const LARGEST_CONFIG_BYTES = 64 * 1024;
const WINDOW_BYTES = 64 * 1024;

export interface BundleReading {
  readonly bundle: Bundle | undefined;
  readonly problems: readonly Problem[];
}

/** place: a directory that holds config_infer.txt, or a configuration file of any name. */
export async function readBundle(
  place: string,
  keys: readonly NvinferKey[],
): Promise<BundleReading> {
  const isDirectory = await stat(place).then(
    (found) => found.isDirectory(),
    () => true, // It is not there: the listing below says so.
  );
  const directory = isDirectory ? place : dirname(place);
  const file = isDirectory ? CONFIG : basename(place);
  const names = await readdir(directory).catch(() => undefined);
  if (names === undefined) return failed("file-missing", place, "there is no such directory");
  if (!names.includes(file)) {
    const hint = didYouMean(closest(file, names));
    return failed(
      "file-missing",
      file,
      `${place} has no ${file}, the nvinfer configuration${hint}`,
    );
  }
  const reading = await readText(resolve(directory, file), file, LARGEST_CONFIG_BYTES);
  if (reading.t === "refused") return { bundle: undefined, problems: [reading.problem] };
  const { keyFile, problems } = parseKeyFile(reading.text, file);
  const files = await readFiles(directory, keyFile, keys);
  return { bundle: { file, config: keyFile, files, names }, problems };
}

function failed(code: "file-missing", path: string, message: string): BundleReading {
  return { bundle: undefined, problems: [problem(code, path, message)] };
}

async function readFiles(
  directory: string,
  config: KeyFile,
  keys: readonly NvinferKey[],
): Promise<ReadonlyMap<string, FileFacts>> {
  const paths = new Set(keys.filter(({ type }) => type === "path").map(({ name }) => name));
  const files = new Map<string, FileFacts>();
  for (const { key, value } of config.settings) {
    if (!paths.has(key) || value === "") continue;
    files.set(value, await factsOf(resolve(directory, value), key));
  }
  return files;
}

async function factsOf(path: string, key: string): Promise<FileFacts> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return { t: "missing" };
  if (!found.isFile()) return { t: "unusable", why: "it is no plain file" };
  if (key === "labelfile-path") {
    const reading = await readText(path, key);
    if (reading.t === "refused") return { t: "unusable", why: reading.problem.message };
    return { t: "text", bytes: found.size, lines: reading.text.split(/\r?\n/) };
  }
  return key === "onnx-file" ? onnxFacts(path) : { t: "present", bytes: found.size };
}

function onnxFacts(path: string): FileFacts {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    if (size === 0) return { t: "unusable", why: "it is empty" };
    if (isLfsPointer(file)) {
      return {
        t: "unusable",
        why: "it is a Git LFS pointer: fetch the file itself with git lfs pull",
      };
    }
    return { t: "onnx", bytes: size, onnx: readOnnx(windowed(file), size) };
  } catch (error) {
    // Whatever the file's content or the disk does to us is a fact about the file.
    const why = error instanceof OnnxError ? error.message : `it cannot be read: ${String(error)}`;
    return { t: "unusable", why };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function isLfsPointer(file: number): boolean {
  const start = Buffer.alloc(40);
  readSync(file, start, 0, start.length, 0);
  return start.toString("latin1").startsWith("version https://git-lfs");
}

/** Reads ahead, so that many small fields cost one read, and leaps over what is not asked for. */
function windowed(file: number): ReadAt {
  const window = Buffer.alloc(WINDOW_BYTES);
  let start = 0;
  let filled = 0;
  return (offset, length) => {
    if (length > WINDOW_BYTES) {
      const whole = Buffer.alloc(length);
      return whole.subarray(0, readSync(file, whole, 0, length, offset));
    }
    if (offset < start || offset + length > start + filled) {
      start = offset;
      filled = readSync(file, window, 0, WINDOW_BYTES, offset);
    }
    // A copy: the window moves on with the next read.
    return Buffer.from(window.subarray(offset - start, offset - start + length));
  };
}
