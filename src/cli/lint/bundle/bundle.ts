/** A model bundle as read from disk: its nvinfer configuration file and facts about the files that it names. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { NvinferKey } from "../../../common/catalogue/data.js";
import { closest } from "../../../common/closest.js";
import { readBytes, readText } from "../../../common/files/read.js";
import { didYouMean, type Place, type Problem, problem } from "../../../common/problem.js";
import { type ConfigFile, type ConfigReading, parseKeyFile, type Setting } from "./key-file.js";
import { OnnxError, type OnnxFacts, type ReadAt, readOnnx } from "./onnx.js";
import { isYaml, parseYamlFile } from "./yaml-file.js";

export type FileFacts =
  | { readonly t: "missing" }
  | { readonly t: "present"; readonly bytes: number }
  | { readonly t: "text"; readonly bytes: number; readonly lines: readonly string[] }
  | { readonly t: "onnx"; readonly bytes: number; readonly onnx: OnnxFacts }
  | { readonly t: "unusable"; readonly why: string };

export interface Bundle {
  /** Name of the configuration file. */
  readonly file: string;
  readonly config: ConfigFile;
  /** Facts about each file that the configuration names, by the name that it uses. */
  readonly files: ReadonlyMap<string, FileFacts>;
  /** All names in the directory, for suggestions. */
  readonly names: readonly string[];
}

/** A key of [property]. nvinfer uses the last one of several. */
export function property(bundle: Bundle, key: string): Setting | undefined {
  return bundle.config.settings.findLast((one) => one.group === "property" && one.key === key);
}

/** The whole number that a key holds, or the fallback if the key is absent or its value no whole number. */
export function numberOf(bundle: Bundle, key: string, fallback: number): number {
  const setting = property(bundle, key);
  if (setting === undefined) return fallback;
  return bundle.config.values.integer(setting.raw) ?? fallback;
}

export const NETWORK_TYPE = {
  detector: 0,
  classifier: 1,
  segmentation: 2,
  instances: 3,
  /** Raw tensors, which the sidecar's own decoders read. */
  other: 100,
} as const;

/** network-type. is-classifier is its old name, which counts where the new one is absent. */
export function networkTypeOf(bundle: Bundle): number {
  const old = property(bundle, "is-classifier");
  const isClassifier = old !== undefined && bundle.config.values.boolean(old.raw) === true;
  const isOldNameRead = bundle.config.form === "key file";
  return numberOf(
    bundle,
    "network-type",
    isClassifier && isOldNameRead ? NETWORK_TYPE.classifier : NETWORK_TYPE.detector,
  );
}

export function at({ file }: Bundle, { line }: { readonly line: number }): Place {
  return { file, line, path: "" };
}

/** One label a line; blank lines do not count. */
export function labelsOf(bundle: Bundle): readonly string[] | undefined {
  const facts = bundle.files.get(property(bundle, "labelfile-path")?.value ?? "");
  return facts?.t === "text"
    ? facts.lines.map((line) => line.trim()).filter((line) => line !== "")
    : undefined;
}

/** A comment may be in any encoding: bytes that are not UTF-8 become U+FFFD. */
function parseConfig(bytes: Uint8Array, file: string): ConfigReading {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return isYaml(file) ? parseYamlFile(text.replace(/^\ufeff/, ""), file) : parseKeyFile(text, file);
}

const CONFIG = "config_infer.txt";
const LARGEST_CONFIG_BYTES = 64 * 1024;

interface BundleReading {
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
    () => true, // It does not exist: the listing below reports it.
  );
  const directory = isDirectory ? place : dirname(place);
  const file = isDirectory ? CONFIG : basename(place);
  const names = await readdir(directory).catch(() => undefined);
  if (names === undefined) return missing(place, "there is no such directory");
  if (!names.includes(file)) {
    const hint = didYouMean(closest(file, names));
    return missing(file, `${place} has no ${file}, the nvinfer configuration${hint}`);
  }
  const reading = await readBytes(resolve(directory, file), file, LARGEST_CONFIG_BYTES);
  if (reading.t === "refused") return { bundle: undefined, problems: [reading.problem] };
  const { config, problems } = parseConfig(reading.bytes, file);
  const files = await readFiles(directory, config, keys);
  return { bundle: { file, config, files, names }, problems };
}

function missing(path: string, message: string): BundleReading {
  return { bundle: undefined, problems: [problem("file-missing", path, message)] };
}

async function readFiles(
  directory: string,
  config: ConfigFile,
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
  if (!found.isFile()) return { t: "unusable", why: "it is not a regular file" };
  if (key === "labelfile-path") {
    const reading = await readText(path, key);
    if (reading.t === "refused") return { t: "unusable", why: reading.problem.message };
    return { t: "text", bytes: found.size, lines: reading.text.split(/\r?\n/) };
  }
  return key === "onnx-file" ? onnxFacts(path) : { t: "present", bytes: found.size };
}

/** Facts about a network in ONNX format. */
export function onnxFacts(path: string): FileFacts {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    if (size === 0) return { t: "unusable", why: "it is empty" };
    if (isLfsPointer(file)) {
      const why = "it is a Git LFS pointer: fetch the file itself with git lfs pull";
      return { t: "unusable", why };
    }
    return { t: "onnx", bytes: size, onnx: readOnnx(windowed(file), size) };
  } catch (error) {
    // Bad content or a failing disk is a fact about the file too.
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

const WINDOW_BYTES = 64 * 1024;

/** Reads ahead, so that many small fields cost one read, and skips what nobody asks for. */
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
