/**
 * The text form of an nvinfer configuration file: groups of KEY=VALUE lines, as GLib's GKeyFile reads them. What GLib refuses
 * is a problem here, and what GLib accepts is none, however odd it looks.
 */

import { type Problem, problem } from "../../../common/problem.js";

export interface Group {
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
}

export interface Setting {
  readonly group: string;
  readonly key: string;
  /** As text: escapes are resolved, and blanks at the end removed. */
  readonly value: string;
  /** As written. */
  readonly raw: string;
  /** Counted from 1. */
  readonly line: number;
}

/** How the values of a file are read. Undefined: the text is not a value of the type. */
export interface ValueReader {
  integer(raw: string): number | undefined;
  float(raw: string): number | undefined;
  boolean(raw: string): boolean | undefined;
  text(raw: string): string | undefined;
  /** As written. */
  items(raw: string): readonly string[];
}

export interface ConfigFile {
  readonly form: "key file" | "YAML";
  /** In the order of the file. A group that occurs twice is listed twice. */
  readonly groups: readonly Group[];
  /** In the order of the file. A key that is set twice is listed twice. */
  readonly settings: readonly Setting[];
  readonly values: ValueReader;
}

export interface ConfigReading {
  readonly config: ConfigFile;
  readonly problems: readonly Problem[];
}

export function parseKeyFile(text: string, file: string): ConfigReading {
  const groups: Group[] = [];
  const settings: Setting[] = [];
  const problems: Problem[] = [];
  const hasMark = text.startsWith(BYTE_ORDER_MARK);
  if (hasMark) {
    const message =
      "the file begins with a byte order mark, which GLib does not read: save it as UTF-8 without one";
    problems.push(problem("config-syntax", { file, line: 1, path: "" }, message));
  }
  const lines = text.slice(hasMark ? 1 : 0).split("\n");
  for (const [index, ended] of lines.entries()) {
    const line = index + 1;
    // GLib takes a carriage return for a part of the line's end only in front of a line feed.
    const raw = index < lines.length - 1 ? ended.replace(/\r$/, "") : ended;
    const content = raw.replace(/^[ \t\f\r]+/, "");
    if (content === "" || content.startsWith("#")) continue;
    const refuse = (message: string) =>
      problems.push(problem("config-syntax", { file, line, path: "" }, message));
    const header = /^\[([^\]]*)\][ \t]*$/.exec(content)?.[1];
    if (header !== undefined) {
      if (/^[^[\p{Cc}]+$/u.test(header)) groups.push({ name: header, line });
      else refuse(`"${header}" is not the name of a group`);
      continue;
    }
    const [, name, value] = /^([^=]+)=[ \t\f\r]*(.*)$/s.exec(content) ?? [];
    const key = name?.trimEnd();
    const group = groups.at(-1);
    if (key === undefined || value === undefined) {
      refuse(badLine(content));
    } else if (group === undefined) {
      refuse(
        content.includes("\r")
          ? CR_ONLY
          : `${shown(key)} comes before any group: begin the file with [property]`,
      );
    } else if (!/^[^[\]]+(\[[\w.@-]*\])?$/.test(key)) {
      refuse(`"${shown(key)}" is not the name of a key`);
    } else {
      const text = resolveEscapes(value) ?? value;
      settings.push({ group: group.name, key, raw: value, value: text.trimEnd(), line });
    }
  }
  return { config: { form: "key file", groups, settings, values: GLIB }, problems };
}

const BYTE_ORDER_MARK = "\ufeff";

const CR_ONLY =
  "lines end in a carriage return alone, which GLib does not read: end them with line feeds";

function badLine(content: string): string {
  if (content.startsWith(";")) return "a comment begins with #, not with ;";
  if (/^\[[^\]]*\].*#/.test(content)) return "a comment needs a line of its own";
  if (content.startsWith("["))
    return `"${shown(content)}" is not a group: write [property] or [class-attrs-all]`;
  if (content.includes("\r")) return CR_ONLY;
  if (/^[\w-]+:/.test(content))
    return `"${shown(content)}" is YAML, which nvinfer reads from a .yml file only: write KEY=VALUE in groups such as [property]`;
  return `"${shown(content)}" is not a KEY=VALUE line`;
}

function shown(content: string): string {
  return content.length > 60 ? `${content.slice(0, 60)}...` : content;
}

const ESCAPES: Readonly<Record<string, string>> = {
  s: " ",
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
};

/** Undefined: GLib knows no such escape, or the text is not UTF-8. separator: what may be escaped, too. */
function resolveEscapes(raw: string, separator = ""): string | undefined {
  let text = "";
  for (let i = 0; i < raw.length; i++) {
    const char = raw[i] ?? "";
    if (char === "\ufffd") return undefined;
    if (char !== "\\") {
      text += char;
      continue;
    }
    const next = raw[++i] ?? "";
    const meant = next !== "" && next === separator ? next : ESCAPES[next];
    if (meant === undefined) return undefined;
    text += meant;
  }
  return text;
}

const DECIMAL = String.raw`(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;
const HEXADECIMAL = String.raw`0x[\da-f]+\.?[\da-f]*(?:p[+-]?\d+)?`;
const FLOAT = new RegExp(
  String.raw`^\s*[+-]?(?:${DECIMAL}|${HEXADECIMAL}|inf(?:inity)?|nan(?:\(\w*\))?)$`,
  "i",
);

/** C's strtod on a text that FLOAT matches. */
export function floatOf(text: string): number {
  const [, sign, digits = ""] = /^\s*([+-]?)(.*)$/.exec(text.toLowerCase()) ?? [];
  const factor = sign === "-" ? -1 : 1;
  if (digits.startsWith("inf")) return factor * Number.POSITIVE_INFINITY;
  if (!digits.startsWith("0x")) return factor * Number(digits);
  const [, whole = "", fraction = "", exponent = "0"] =
    /^0x([\da-f]*)\.?([\da-f]*)(?:p([+-]?\d+))?$/.exec(digits) ?? [];
  const mantissa = Number.parseInt(`${whole}${fraction}`, 16);
  return factor * mantissa * 2 ** (Number(exponent) - 4 * fraction.length);
}

const INT32 = 2 ** 31;

function int32(value: number): number | undefined {
  return value >= -INT32 && value < INT32 ? value : undefined;
}

export const GLIB: ValueReader = {
  /** strtol: whatever follows a blank does not count, and a blank alone is 0. */
  integer(raw) {
    const digits = /^\s*([+-]?\d+)(?=\s|$)/.exec(raw)?.[1];
    if (digits !== undefined) return int32(Number(digits));
    return /^\s/.test(raw) ? 0 : undefined;
  },
  float: (raw) => (FLOAT.test(raw) ? floatOf(raw) : undefined),
  boolean(raw) {
    const text = raw.trimEnd();
    if (text === "1" || text === "true") return true;
    return text === "0" || text === "false" ? false : undefined;
  },
  text: (raw) => resolveEscapes(raw),
  /** A separator at the end ends the last item: `1;2;` has two. */
  items(raw) {
    const items = raw.split(/(?<!\\);/);
    if (items.at(-1) === "") items.pop();
    return items;
  },
};
