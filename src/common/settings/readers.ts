/** Reads the text of one setting into its value, or tells what is allowed. */

import { closest } from "../closest.js";

/** Why a value was refused. Holds no secret. */
export interface Refusal {
  /** The value, or the part of it that is wrong. */
  readonly value: string;
  readonly allowed: string;
  readonly hint?: string | undefined;
}

export type Reading<T> =
  | { readonly t: "value"; readonly value: T }
  | { readonly t: "refused"; readonly refusals: readonly Refusal[] };

/** How the same value is written in a JSON document: keywords of JSON Schema. */
export type JsonForm =
  | { readonly type: "boolean" }
  | {
      readonly type: "integer" | "number";
      readonly minimum: number;
      readonly maximum: number;
      readonly multipleOf?: number;
    }
  | {
      readonly type: "string";
      readonly enum?: readonly string[];
      readonly pattern?: string;
      readonly maxLength?: number;
    };

export interface Reader<T> {
  /** One phrase for messages and the table of settings. */
  readonly allowed: string;
  readonly json: JsonForm;
  /** Called with a text that is not empty. */
  read(text: string): Reading<T>;
}

/** A reader out of a function that returns undefined for what it refuses. */
function reader<T>(
  allowed: string,
  json: JsonForm,
  parse: (text: string) => T | undefined,
  hint: (text: string) => string | undefined = () => undefined,
): Reader<T> {
  return {
    allowed,
    json,
    read(text) {
      const value = parse(text);
      if (value !== undefined) return { t: "value", value };
      return { t: "refused", refusals: [{ value: text, allowed, hint: hint(text) }] };
    },
  };
}

export function wholeNumber(min: number, max: number, unit = ""): Reader<number> {
  return reader(
    `a whole number ${range(min, max, unit)}`,
    { type: "integer", minimum: min, maximum: max },
    (text) => (/^\d{1,15}$/.test(text) ? inRange(Number(text), min, max) : undefined),
    hintForNumber,
  );
}

export function evenNumber(min: number, max: number, unit = ""): Reader<number> {
  return reader(
    `an even number ${range(min, max, unit)}`,
    { type: "integer", minimum: min, maximum: max, multipleOf: 2 },
    (text) => {
      const value = /^\d{1,15}$/.test(text) ? inRange(Number(text), min, max) : undefined;
      return value === undefined || value % 2 === 1 ? undefined : value;
    },
    (text) => {
      const value = Number(text);
      const isOdd = Number.isInteger(value) && value % 2 === 1 && value > min && value < max;
      return isOdd ? `the next even number is ${value + 1}` : hintForNumber(text);
    },
  );
}

export function fraction(): Reader<number> {
  return reader(
    "a number from 0 to 1",
    { type: "number", minimum: 0, maximum: 1 },
    (text) =>
      /^(?:\d+\.?\d*|\.\d+)(?:e-\d+)?$/.test(text) ? inRange(Number(text), 0, 1) : undefined,
    (text) => {
      const percent = Number(text.replace(/\s*%$/, "").replace(",", "."));
      if (percent > 0 && percent < 1) return `did you mean ${percent}?`;
      return percent > 1 && percent <= 100 ? `did you mean ${percent / 100}?` : undefined;
    },
  );
}

const DURATION = /^(\d{1,9})(ms|s|m)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** A length of time, in milliseconds. */
export function duration(minMs: number, maxMs: number): Reader<number> {
  return reader(
    `a duration such as 500ms, 5s or 2m, from ${inWords(minMs)} to ${inWords(maxMs)}`,
    { type: "string", pattern: DURATION.source },
    (text) => {
      const match = DURATION.exec(text);
      if (match === null) return undefined;
      return inRange(Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? Number.NaN), minMs, maxMs);
    },
    (text) => (/^\d{1,9}$/.test(text) ? `say the unit: ${text}ms or ${text}s` : undefined),
  );
}

/** In the largest unit that leaves a whole number. */
function inWords(ms: number): string {
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** One of some words, whatever their case. */
export function oneOf<const Word extends string>(words: readonly Word[]): Reader<Word> {
  return reader(
    list(words, "or"),
    { type: "string", enum: words },
    (text) => words.find((word) => word.toLowerCase() === text.toLowerCase()),
    (text) => didYouMean(text, words),
  );
}

export function yesOrNo(): Reader<boolean> {
  const yes = ["yes", "true", "on", "1"];
  const no = ["no", "false", "off", "0"];
  return reader("yes or no", { type: "boolean" }, (text) => {
    const word = text.toLowerCase();
    if (yes.includes(word)) return true;
    return no.includes(word) ? false : undefined;
  });
}

/** Some of a set of words, separated by commas, or none. */
export function someOf<const Word extends string>(
  words: readonly Word[],
): Reader<ReadonlySet<Word>> {
  const allowed = `none, or a comma-separated list out of ${list(words, "and")}`;
  return {
    allowed,
    json: { type: "string" },
    read(text) {
      if (text.toLowerCase() === "none") return { t: "value", value: new Set() };
      const value = new Set<Word>();
      const refusals: Refusal[] = [];
      for (const item of commaList(text)) {
        const word = words.find((candidate) => candidate === item.toLowerCase());
        if (word !== undefined) value.add(word);
        else refusals.push({ value: item, allowed, hint: didYouMean(item, words) });
      }
      return refusals.length > 0 ? { t: "refused", refusals } : { t: "value", value };
    },
  };
}

export function textList(allowed: string): Reader<readonly string[]> {
  return reader(allowed, { type: "string" }, (text) => {
    const items = commaList(text);
    return items.length > 0 ? items : undefined;
  });
}

export function filePath(allowed: string, maxBytes: number): Reader<string> {
  return reader(allowed, { type: "string", maxLength: maxBytes }, (text) =>
    Buffer.byteLength(text) <= maxBytes ? text : undefined,
  );
}

/** The path of an RTSP address: /ds, /site/north. */
export function rtspPath(): Reader<string> {
  const pattern = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/;
  return reader(
    "a path such as /ds, of letters, digits and . _ ~ -",
    { type: "string", pattern: pattern.source },
    (text) => (pattern.test(text) ? text : undefined),
    (text) => {
      const near = `/${text.replace(/^\/+|\/+$/g, "")}`;
      return pattern.test(near) ? `did you mean ${near}?` : undefined;
    },
  );
}

/** The path of recordings below their directory: yard.mkv, north/yard.mkv. */
export function recordingPath(): Reader<string> {
  const pattern = /^(?:[A-Za-z0-9_-]+\/){0,8}[A-Za-z0-9_-]+\.mkv$/;
  return reader(
    "a name such as yard.mkv or north/yard.mkv, of letters, digits, _ and -",
    { type: "string", pattern: pattern.source, maxLength: LONGEST_RECORDING_PATH },
    (text) => (text.length <= LONGEST_RECORDING_PATH && pattern.test(text) ? text : undefined),
    (text) => {
      const near = `${text.replace(/^.*\/recordings\/|^\/+|\.\w+$/g, "")}.mkv`;
      return pattern.test(near) ? `did you mean ${near}?` : undefined;
    },
  );
}

const LONGEST_RECORDING_PATH = 200;

function inRange(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

function range(min: number, max: number, unit: string): string {
  return `from ${min} to ${max}${unit === "" ? "" : ` ${unit}`}`;
}

/** 4_000_000, 4 000 000, 4M, 2.5k. */
function hintForNumber(text: string): string | undefined {
  const match = /^(\d+(?:\.\d+)?)([kM]?)(?:bit|bps|bit\/s)?$/i.exec(text.replace(/[\s_',]/g, ""));
  if (match === null) return undefined;
  const factor = { "": 1, k: 1000, m: 1_000_000 }[match[2]?.toLowerCase() ?? ""] ?? 1;
  const value = Number(match[1]) * factor;
  return Number.isInteger(value) && String(value) !== text ? `did you mean ${value}?` : undefined;
}

function didYouMean(text: string, words: readonly string[]): string | undefined {
  const near = closest(text, words);
  return near === undefined ? undefined : `did you mean ${near}?`;
}

function commaList(text: string): string[] {
  return text.split(",").flatMap((item) => (item.trim() === "" ? [] : [item.trim()]));
}

function list(words: readonly string[], conjunction: string): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} ${conjunction} ${last}`;
}
