/**
 * Hides secrets in text that leaves the process: logs, problems, states and reports. Known secrets are recognised by
 * their value in any encoding; all others by their form, with the table that the sidecar reads too. test/redaction.json
 * holds cases that both must agree on.
 */

import { plainText } from "../plain-text.js";
import { HIDDEN, hideAddresses } from "./hide-addresses.js";
import { TABLE } from "./table.js";

export type Redact = (text: string) => string;

const NAMED_LIKE_A_SECRET = TABLE.secretNames.join("|");
/** A field, a setting or a property with such a name, and its value. */
const NAMED = new RegExp(
  `((?:${NAMED_LIKE_A_SECRET})\\\\*["']?\\s*(?:=\\s*(?:\\(string\\))?|:\\s*(?=\\\\*["'])))` +
    `(?:(\\\\+["'])[^"']*["']?|"(?:[^"\\\\]|\\\\.)*\\\\?"?|'(?:[^'\\\\]|\\\\.)*\\\\?'?|[^\\s,;&"']+)`,
  "gis",
);
/** The header of HTTP and RTSP. */
const AUTHORIZATION = /(\bauthorization\\*["']?\s*[:=]\s*\\*["']?\w+\s+)[^\n]*/gi;

/** Hides logins and parameters of addresses, and what is named like a password. */
export function hideLogins(text: string): string {
  return hideAddresses(text)
    .replace(NAMED, (all: string, name: string, escaped: string | undefined) => {
      const quote = escaped ?? (/^["']/.exec(all.slice(name.length))?.[0] || "");
      return name + quote + HIDDEN + quote;
    })
    .replace(AUTHORIZATION, `$1${HIDDEN}`);
}

/**
 * Hides everything that may be a login in a text that is one address, perhaps preceded by NAME=, and perhaps so
 * malformed that nobody can tell where its login ends: front=rtsp:/admin:a b"c@10.0.0.9.
 */
export function hideLoginOf(address: string): string {
  const shown = address.includes("@")
    ? address.replace(/^((?:[^=:/@]*=)?[^:/@]*:?\/*).*@/s, `$1${HIDDEN}@`)
    : // The host is missing. What stands where the port would be is hidden unless it is a port or part of an IPv6 address.
      address.replace(
        /(:\/\/[^/:[\]]*:)(?!\d{1,5}(?:[/?#]|$)|[\da-f:.]*(?:\/|$)).+$/is,
        `$1${HIDDEN}`,
      );
  return hideLogins(shown);
}

/** Secret values: fixed ones, or a function that returns the current ones, and the same array while they are the same. */
export type SecretSource = Iterable<string> | (() => readonly string[]);

/** Shorter secrets are hidden in addresses only: anywhere else they would take ordinary words and numbers with them. */
const MIN_LENGTH = 4;

/**
 * A redactor that also hides secrets by value, in every encoding in which they may appear. What it returns is plain text
 * on one line, whatever comes from outside.
 */
export function redactor(...sources: readonly SecretSource[]): Redact {
  const readers = sources.map((source) => {
    if (typeof source === "function") return source;
    const fixed = [...source];
    return () => fixed;
  });
  let known: readonly (readonly string[])[] = [];
  let pattern: RegExp | undefined;
  return (text) => {
    const current = readers.map((read) => read());
    if (current.some((secrets, i) => secrets !== known[i])) {
      known = current;
      pattern = patternOf(current.flat());
    }
    const hide = (shown: string) =>
      hideLogins(pattern === undefined ? shown : hideMatches(shown, pattern));
    const hidden = hide(text);
    const plain = plainText(hidden);
    // Secrets that a command divides are whole only now.
    return plain === hidden ? plain : hide(plain);
  };
}

/** Overlapping matches are hidden as one. */
function hideMatches(text: string, pattern: RegExp): string {
  let shown = "";
  let hiddenTo = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (match.index >= hiddenTo) shown += text.slice(hiddenTo, match.index) + HIDDEN;
    hiddenTo = Math.max(hiddenTo, match.index + match[0].length);
    pattern.lastIndex = match.index + 1;
  }
  return shown + text.slice(hiddenTo);
}

function patternOf(secrets: readonly string[]): RegExp | undefined {
  const hidden = [...new Set(secrets)].filter((secret) => secret.length >= MIN_LENGTH);
  if (hidden.length === 0) return undefined;
  // The longest first: of two secrets that begin at the same place, only one is matched.
  hidden.sort((a, b) => b.length - a.length);
  return new RegExp(hidden.map(encodingsOf).join("|"), "g");
}

/** The source of a regular expression that matches a secret in every encoding. Matching takes linear time. */
function encodingsOf(secret: string): string {
  const bytes = Buffer.from(secret);
  const inHex = [...bytes].map((byte) => hex(byte, 2)).join("");
  const base64 = bytes.toString("base64").replace(/=+$/, "");
  const inBase64 = `${base64.replace(/\+/g, "[+-]").replace(/\//g, "[/_]")}={0,2}`;
  return [inHex, inBase64, quotedOrPercentEncoded(secret)].join("|");
}

/** Each level of quoting doubles a backslash; JSON within JSON has two. */
const QUOTED_TWICE = 4;

const JSON_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "n",
  "\r": "r",
  "\t": "t",
  "\b": "b",
  "\f": "f",
};

/** As it is, percent-encoded, and quoted in JSON or a programming language. */
function quotedOrPercentEncoded(secret: string): string {
  return [...secret.matchAll(/\\+|[^\\]/gsu)].map(([part]) => encodingsOfPart(part)).join("");
}

/** part: one character, or a run of backslashes. */
function encodingsOfPart(part: string): string {
  if (/^[A-Za-z0-9]$/.test(part)) return `(?:${part}|${percentEncoded(part)})`;
  if (part.startsWith("\\")) {
    return `(?:\\\\|%5[Cc]){${part.length},${part.length * QUOTED_TWICE}}`;
  }
  const encodings = [literal(part), percentEncoded(part), `\\\\{1,3}(?:${unicodeEscape(part)})`];
  const letter = JSON_ESCAPES[part];
  if (letter !== undefined) encodings.push(`\\\\{1,3}${letter}`);
  if (/["'/]/.test(part)) encodings.push(`\\\\{1,3}${literal(part)}`);
  if (part === " ") encodings.push("\\+");
  return `(?:${encodings.join("|")})`;
}

function literal(part: string): string {
  return part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function percentEncoded(part: string): string {
  return [...Buffer.from(part)].map((byte) => `%${hex(byte, 2)}`).join("");
}

/** \u20ac, in Python also \xe9. */
function unicodeEscape(part: string): string {
  const units = Array.from({ length: part.length }, (_, i) => hex(part.charCodeAt(i), 4));
  const long = units.join("\\\\{1,3}u");
  const [code = 0] = [part.codePointAt(0)];
  return code < 0x100 ? `u${long}|x${hex(code, 2)}` : `u${long}`;
}

/** In upper and lower case. */
function hex(value: number, digits: number): string {
  const text = value.toString(16).padStart(digits, "0");
  return text.replace(/[a-f]/g, (digit) => `[${digit.toUpperCase()}${digit}]`);
}

/** Fields with such a name are hidden whatever they hold: a password too short for MIN_LENGTH is known by nothing else. */
const SECRET_FIELD = new RegExp(`(?:${NAMED_LIKE_A_SECRET})$`, "i");

/**
 * Returns a copy of a value in which every string and key, at any depth, is redacted. The copy can be printed as JSON:
 * bigints become strings, bytes and cycles a note.
 */
export function redactDeep(
  value: unknown,
  redact: Redact,
  parents: readonly object[] = [],
): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (parents.includes(value)) return "[circular]";
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const path = [...parents, value];
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, redact, path));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === "stack" && typeof item === "string") return [key, redactStack(item, redact)];
      const isHidden = typeof item === "string" && item !== "" && SECRET_FIELD.test(key);
      return [redact(key), isHidden ? HIDDEN : redactDeep(item, redact, path)];
    }),
  );
}

/** Keeps the lines of the frames. The message before them becomes one line. */
function redactStack(stack: string, redact: Redact): string {
  const [message = "", ...frames] = stack.split(/\n(?=\s+at )/);
  return [message, ...frames].map(redact).join("\n");
}

/** Enough for all current secrets. A longer pattern would slow down every line of the log. */
const MOST_SECRETS = 1024;

/**
 * Adds the current secrets to earlier ones, which a late message may still quote. Returns the same array if there is
 * nothing new.
 */
export function withEarlier(
  current: readonly string[],
  earlier: readonly string[],
): readonly string[] {
  const known = new Set(earlier);
  if (current.every((secret) => known.has(secret))) return earlier;
  return [...new Set([...current, ...earlier])].slice(0, Math.max(MOST_SECRETS, current.length));
}
