/** A model bundle as it was read: its nvinfer configuration file and facts about the files that it names. */

import type { KeyFile, Setting } from "./ini.js";
import type { OnnxFacts } from "./onnx.js";

export type FileFacts =
  | { readonly t: "missing" }
  | { readonly t: "present"; readonly bytes: number }
  | { readonly t: "text"; readonly bytes: number; readonly lines: readonly string[] }
  | { readonly t: "onnx"; readonly bytes: number; readonly onnx: OnnxFacts }
  | { readonly t: "unusable"; readonly why: string };

export interface Bundle {
  /** The configuration file's name, for paths of problems. */
  readonly file: string;
  readonly config: KeyFile;
  /** Of each file that the configuration names, as it names it. */
  readonly files: ReadonlyMap<string, FileFacts>;
  /** What lies in the directory, to guess misspelt names from. */
  readonly names: readonly string[];
}

/** The setting that counts: nvinfer takes the last one. */
export function property(bundle: Bundle, key: string): Setting | undefined {
  return bundle.config.settings.findLast((one) => one.group === "property" && one.key === key);
}

/** A whole number, or the given one where the key is absent or no number. */
export function numberOf(bundle: Bundle, key: string, otherwise: number): number {
  const value = property(bundle, key)?.value ?? "";
  return /^-?\d+$/.test(value) ? Number(value) : otherwise;
}

export function at(bundle: Bundle, setting: { readonly line: number }): string {
  return `${bundle.file}:${setting.line}`;
}

/** Labels are one a line; blank lines do not count. */
export function labelsOf(bundle: Bundle): readonly string[] | undefined {
  const facts = bundle.files.get(property(bundle, "labelfile-path")?.value ?? "");
  return facts?.t === "text"
    ? facts.lines.map((line) => line.trim()).filter((line) => line !== "")
    : undefined;
}
