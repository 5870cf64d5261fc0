/** The formats of settings: numbers, durations, words, paths and texts. */

import { closestHint } from "../closest.js";
import { commaList, type Format, format, listOf } from "./format.js";

export function wholeNumber(min: number, max: number, unit = ""): Format<number> {
  return format(
    `a whole number ${range(min, max, unit)}`,
    { type: "integer", minimum: min, maximum: max },
    (text) => (/^\d{1,15}$/.test(text) ? inRange(Number(text), min, max) : undefined),
    hintForNumber,
  );
}

export function evenNumber(min: number, max: number, unit = ""): Format<number> {
  return format(
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

export function fraction(): Format<number> {
  return format(
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
export function duration(minMs: number, maxMs: number): Format<number> {
  return format(
    `a duration such as 500ms, 5s or 2m, from ${inWords(minMs)} to ${inWords(maxMs)}`,
    { type: "string", pattern: DURATION.source },
    (text) => {
      const match = DURATION.exec(text);
      if (match === null) return undefined;
      return inRange(Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? Number.NaN), minMs, maxMs);
    },
    (text) => (/^\d{1,9}$/.test(text) ? `add the unit: ${text}ms or ${text}s` : undefined),
  );
}

/** In the largest unit in which it is a whole number. */
function inWords(ms: number): string {
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** One of some words, in any case. */
export function oneOf<const Word extends string>(words: readonly Word[]): Format<Word> {
  return format(
    list(words, "or"),
    { type: "string", enum: words },
    (text) => words.find((word) => word.toLowerCase() === text.toLowerCase()),
    (text) => closestHint(text, words),
  );
}

export function yesOrNo(): Format<boolean> {
  const yes = ["yes", "true", "on", "1"];
  const no = ["no", "false", "off", "0"];
  return format("yes or no", { type: "boolean" }, (text) => {
    const word = text.toLowerCase();
    if (yes.includes(word)) return true;
    return no.includes(word) ? false : undefined;
  });
}

/** Some of a set of words, separated by commas, or none. */
export function someOf<const Word extends string>(
  words: readonly Word[],
): Format<ReadonlySet<Word>> {
  const allowed = `none, or a comma-separated list of ${list(words, "and")}`;
  const items = listOf(
    format(
      allowed,
      { type: "string" },
      (text) => words.find((word) => word === text.toLowerCase()),
      (text) => closestHint(text, words),
    ),
    allowed,
  );
  return {
    ...items,
    read(text) {
      const reading = items.read(text.toLowerCase() === "none" ? "" : text);
      return reading.t === "value" ? { t: "value", value: new Set(reading.value) } : reading;
    },
  };
}

export function textList(allowed: string): Format<readonly string[]> {
  return format(allowed, { type: "string" }, (text) => {
    const items = commaList(text);
    return items.length > 0 ? items : undefined;
  });
}

export function filePath(allowed: string, maxBytes: number): Format<string> {
  return format(allowed, { type: "string", maxLength: maxBytes }, (text) =>
    Buffer.byteLength(text) <= maxBytes ? text : undefined,
  );
}

/** The path of an RTSP address: /ds, /site/north. */
export function rtspPath(): Format<string> {
  const pattern = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/;
  return format(
    "a path such as /ds, of letters, digits and . _ ~ -",
    { type: "string", pattern: pattern.source },
    (text) => (pattern.test(text) ? text : undefined),
    (text) => {
      const near = `/${text.replace(/^\/+|\/+$/g, "")}`;
      return pattern.test(near) ? `did you mean ${near}?` : undefined;
    },
  );
}

/** The path of recordings, relative to their directory: yard.mkv, north/yard.mkv. */
export function recordingPath(): Format<string> {
  const pattern = /^(?:[A-Za-z0-9_-]+\/){0,8}[A-Za-z0-9_-]+\.mkv$/;
  return format(
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

function list(words: readonly string[], conjunction: string): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} ${conjunction} ${last}`;
}

/** Not part of a line of text; a lone surrogate has no UTF-8. */
export const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}]/u;

/** A text on one line. */
export function printable(
  maxLength: number,
  pattern?: RegExp,
  allowed = `at most ${maxLength} printable characters`,
): Format<string> {
  const isAllowed = (text: string) =>
    text.length <= maxLength && pattern?.test(text) !== false && !UNPRINTABLE.test(text);
  return format(
    allowed,
    { type: "string", maxLength, ...(pattern && { pattern: pattern.source }) },
    (text) => (isAllowed(text) ? text : undefined),
  );
}

/** A name that people read. */
export function label(maxLength: number): Format<string> {
  return printable(maxLength, /\S/, `1 to ${maxLength} printable characters`);
}

/** A number that may have a fraction. */
export function decimal(min: number, max: number): Format<number> {
  return format(
    `a number from ${min} to ${max}`,
    { type: "number", minimum: min, maximum: max },
    (text) => inRange(Number(text), min, max),
  );
}
