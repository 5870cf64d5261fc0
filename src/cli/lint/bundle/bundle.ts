/** A model bundle as read from disk: its nvinfer configuration file and facts about the files that it names. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { NvinferKey } from "../../../common/catalogue/data.js";
import { closest } from "../../../common/closest.js";
import { readText } from "../../../common/files/read.js";
import { didYouMean, type Place, type Problem, problem } from "../../../common/problem.js";
import { OnnxError, type OnnxFacts, type ReadAt, readOnnx } from "./onnx.js";

export type FileFacts =
  | { readonly t: "missing" }
  | { readonly t: "present"; readonly bytes: number }
  | { readonly t: "text"; readonly bytes: number; readonly lines: readonly string[] }
  | { readonly t: "onnx"; readonly bytes: number; readonly onnx: OnnxFacts }
  | { readonly t: "unusable"; readonly why: string };

export interface Bundle {
  /** Name of the configuration file. */
  readonly file: string;
  readonly config: KeyFile;
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
  const value = property(bundle, key)?.value ?? "";
  return /^-?\d+$/.test(value) ? Number(value) : fallback;
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

export interface Setting {
  readonly group: string;
  readonly key: string;
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Groups of KEY=VALUE lines, as GLib's key files have them. */
interface KeyFile {
  readonly groups: readonly { readonly name: string; readonly line: number }[];
  /** In the order of the file. A key that is set twice is listed twice. */
  readonly settings: readonly Setting[];
}

function parseKeyFile(
  text: string,
  file: string,
): { readonly config: KeyFile; readonly problems: readonly Problem[] } {
  const groups: KeyFile["groups"][number][] = [];
  const settings: Setting[] = [];
  const problems: Problem[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const header = /^\[([^[\]]+)\]$/.exec(content)?.[1];
    if (header !== undefined) {
      groups.push({ name: header, line });
      continue;
    }
    const [, key, value] = /^([\w-]+)\s*=\s*(.*)$/.exec(content) ?? [];
    const group = groups.at(-1);
    if (key === undefined || value === undefined) {
      problems.push(problem("config-syntax", { file, line, path: "" }, badLine(content)));
    } else if (group === undefined) {
      const message = `${key} comes before any group: begin the file with [property]`;
      problems.push(problem("config-syntax", { file, line, path: "" }, message));
    } else {
      settings.push({ group: group.name, key, value, line });
    }
  }
  return { config: { groups, settings }, problems };
}

function badLine(content: string): string {
  const shown = content.length > 60 ? `${content.slice(0, 60)}...` : content;
  if (content.startsWith(";")) return "a comment begins with #, not with ;";
  if (content.startsWith("["))
    return `"${shown}" is not a group: write [property] or [class-attrs-all]`;
  if (/^[\w-]+:/.test(content))
    return `"${shown}" is YAML: write KEY=VALUE in groups such as [property]`;
  return `"${shown}" is not a KEY=VALUE line`;
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
  const reading = await readText(resolve(directory, file), file, LARGEST_CONFIG_BYTES);
  if (reading.t === "refused") return { bundle: undefined, problems: [reading.problem] };
  const { config, problems } = parseKeyFile(reading.text, file);
  const files = await readFiles(directory, config, keys);
  return { bundle: { file, config, files, names }, problems };
}

function missing(path: string, message: string): BundleReading {
  return { bundle: undefined, problems: [problem("file-missing", path, message)] };
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
  if (!found.isFile()) return { t: "unusable", why: "it is not a regular file" };
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
