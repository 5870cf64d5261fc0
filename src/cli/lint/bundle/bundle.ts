/** A model bundle as read from disk: its nvinfer configuration file and facts about the files that it names. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { NvinferKey } from "../../../common/catalogue/data.js";
import { closest } from "../../../common/closest.js";
import { readBytes, readText } from "../../../common/files/read.js";
import { didYouMean, type Place, type Problem, problem } from "../../../common/problem.js";
import type { Code } from "../../../common/problem-codes.js";
import { type ConfigFile, type ConfigReading, parseKeyFile, type Setting } from "./key-file.js";
import { OnnxError, type OnnxFacts, type ReadAt, readOnnx } from "./onnx.js";
import { isYaml, parseYamlFile } from "./yaml-file.js";

export type FileFacts =
  | { readonly t: "missing" }
  | { readonly t: "present"; readonly bytes: number }
  | { readonly t: "text"; readonly bytes: number; readonly lines: readonly string[] }
  | { readonly t: "onnx"; readonly bytes: number; readonly onnx: OnnxFacts }
  /** Its content is not what it must be, or it cannot be read. */
  | { readonly t: "unusable"; readonly code: Code; readonly why: string };

export interface Bundle {
  /**
   * directory: a bundle of the product. file: an nvinfer configuration file by itself, of which only nvinfer's own verdict
   * counts.
   */
  readonly form: "directory" | "file";
  /** Name of the configuration file. */
  readonly file: string;
  readonly config: ConfigFile;
  /** Facts about each file that the configuration names, by the name that it uses. */
  readonly files: ReadonlyMap<string, FileFacts>;
  /** Those of them, and of the files with their weights, that lie outside the directory. */
  readonly outside: ReadonlySet<string>;
  /** Bytes of files that decoders and networks name, by their paths in the directory. One that is not there is absent. */
  readonly sizes: ReadonlyMap<string, number>;
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

/** The whole numbers in the list that a key holds: what is none is left out. */
export function numbersOf(bundle: Bundle, key: string): readonly number[] {
  const { values } = bundle.config;
  const setting = property(bundle, key);
  const items = setting === undefined ? [] : values.items(setting.raw);
  return items.flatMap((item) => values.integer(item) ?? []);
}

/** num-detected-classes, 0 if it is absent. Undefined: it is no number. */
export function classesOf(bundle: Bundle): number | undefined {
  const setting = property(bundle, "num-detected-classes");
  return setting === undefined ? 0 : bundle.config.values.integer(setting.raw);
}

const GRAY = 2;

/** Of the network's input, by model-color-format. */
export function channelsOf(bundle: Bundle): number {
  return numberOf(bundle, "model-color-format", 0) === GRAY ? 1 : 3;
}

export const NETWORK_TYPE = {
  detector: 0,
  classifier: 1,
  segmentation: 2,
  instances: 3,
  /** Raw tensors, which the sidecar's own decoders read. */
  other: 100,
} as const;

/** network-type; a detector if it is not one of them. is-classifier is its old name, which counts where the new one is absent. */
export function networkTypeOf(bundle: Bundle): number {
  const { config } = bundle;
  const { classifier, detector } = NETWORK_TYPE;
  if (property(bundle, "network-type") !== undefined) {
    const type = numberOf(bundle, "network-type", detector);
    return Object.values<number>(NETWORK_TYPE).includes(type) ? type : detector;
  }
  const old = property(bundle, "is-classifier");
  const isClassifier = old !== undefined && config.values.boolean(old.raw) === true;
  return isClassifier && config.form === "key file" ? classifier : detector;
}

export function at({ file }: Bundle, { line }: { readonly line: number }): Place {
  return { file, line, path: "" };
}

/** One label a line; blank lines do not count, and of several in a line the first is the name of a class. */
export function labelsOf(bundle: Bundle): readonly string[] | undefined {
  return labelLinesOf(bundle)?.map((line) => (line.split(";")[0] ?? "").trim());
}

/** The lines of the file of labels that are not blank. */
export function labelLinesOf(bundle: Bundle): readonly string[] | undefined {
  const facts = bundle.files.get(property(bundle, "labelfile-path")?.value ?? "");
  return facts?.t === "text" ? facts.lines.filter((line) => line.trim() !== "") : undefined;
}

/** A comment may be in any encoding: bytes that are not UTF-8 become U+FFFD. */
function parseConfig(bytes: Uint8Array, file: string): ConfigReading {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return isYaml(file) ? parseYamlFile(text.replace(/^\ufeff/, ""), file) : parseKeyFile(text, file);
}

const CONFIG = "config_infer.txt";
const LARGEST_CONFIG_BYTES = 1024 * 1024;
const LARGEST_NETWORK_BYTES = 1024 ** 3;

interface BundleReading {
  readonly bundle: Bundle | undefined;
  readonly problems: readonly Problem[];
}

/** place: a directory that holds config_infer.txt, or a configuration file of any name. */
export async function readBundle(place: string, catalogue: Catalogue): Promise<BundleReading> {
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
  if (isDirectory && (await outsideOf(directory, [file])).has(file)) {
    const message = "it lies outside the bundle: copy it into the bundle's directory";
    return { bundle: undefined, problems: [problem("file-outside", file, message)] };
  }
  const reading = await readBytes(resolve(directory, file), file, LARGEST_CONFIG_BYTES);
  if (reading.t === "refused") return { bundle: undefined, problems: [reading.problem] };
  const { config, problems } = parseConfig(reading.bytes, file);
  const named = namedFiles(config, catalogue.nvinferKeys);
  const files = await readFiles(directory, named);
  const weights = [...files].flatMap(([name, facts]) =>
    facts.t === "onnx" ? weightFiles(name, facts.onnx) : [],
  );
  const ofDecoders = catalogue.decoders.decoders.flatMap(({ files }) => files ?? []);
  const bundle: Bundle = {
    form: isDirectory ? "directory" : "file",
    file,
    config,
    files,
    outside: await outsideOf(directory, [...named.keys(), ...weights]),
    sizes: await sizesOf(directory, [...weights, ...ofDecoders]),
    names,
  };
  return { bundle, problems };
}

function missing(path: string, message: string): BundleReading {
  return { bundle: undefined, problems: [problem("file-missing", path, message)] };
}

/** The files that the configuration names, with their keys. */
function namedFiles(config: ConfigFile, keys: readonly NvinferKey[]): ReadonlyMap<string, string> {
  const paths = new Set(keys.filter(({ type }) => type === "path").map(({ name }) => name));
  const named = config.settings.filter(({ key, value }) => paths.has(key) && value !== "");
  return new Map(named.map(({ key, value }) => [value, key]));
}

async function readFiles(
  directory: string,
  named: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, FileFacts>> {
  const files = new Map<string, FileFacts>();
  for (const [value, key] of named) files.set(value, await factsOf(resolve(directory, value), key));
  return files;
}

/** Names that lead out of a directory, by themselves or by links. */
async function outsideOf(
  directory: string,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const inside = `${await realpath(directory)}/`;
  const isOutside = await Promise.all(
    names.map(async (name) => {
      const real = await realpath(resolve(directory, name)).catch(() => undefined);
      return real !== undefined && !`${real}/`.startsWith(inside);
    }),
  );
  return new Set(names.filter((_, i) => isOutside[i]));
}

/** The files that hold weights of networks, by their paths in the bundle's directory. */
export function weightFiles(network: string, { external }: OnnxFacts): readonly string[] {
  return external.map((name) => join(dirname(network), name));
}

async function sizesOf(
  directory: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const name of names) {
    const found = await stat(resolve(directory, name)).catch(() => undefined);
    if (found?.isFile()) sizes.set(name, found.size);
  }
  return sizes;
}

async function factsOf(path: string, key: string): Promise<FileFacts> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return { t: "missing" };
  if (!found.isFile()) return unusable("file-unreadable", "it is not a regular file");
  if (found.size > LARGEST_NETWORK_BYTES)
    return unusable("file-too-large", "it is larger than 1024 MiB: is it the right file?");
  if (key === "labelfile-path") {
    const reading = await readText(path, key);
    if (reading.t === "refused")
      return unusable(reading.problem.code as Code, reading.problem.message);
    return { t: "text", bytes: found.size, lines: reading.text.split(/\r?\n/) };
  }
  return key === "onnx-file" ? onnxFacts(path) : { t: "present", bytes: found.size };
}

function unusable(code: Code, why: string): FileFacts {
  return { t: "unusable", code, why };
}

/** Facts about a network in ONNX format. */
export function onnxFacts(path: string): FileFacts {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    if (size === 0) return unusable("network-unreadable", "it is empty");
    if (isLfsPointer(file)) {
      const why = "it is a Git LFS pointer: fetch the file itself with git lfs pull";
      return unusable("network-unreadable", why);
    }
    return { t: "onnx", bytes: size, onnx: readOnnx(windowed(file), size) };
  } catch (error) {
    // Bad content or a failing disk is a fact about the file too.
    const why = error instanceof OnnxError ? error.message : `it cannot be read: ${String(error)}`;
    return unusable("network-unreadable", why);
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
