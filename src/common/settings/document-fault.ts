/** What is wrong with a settings document, told so that its author can put it right. */

import type { Path } from "../json/json-text.js";
import { hideLogins } from "../secrets/redact.js";

/** One refused part of a settings document. Holds no secret. */
export interface DocumentFault {
  /** Name of the document, as the reader was given it; "environment" for a setting from there. */
  readonly document: string;
  /** Where in the document: cameras[1].uri. Empty: the document as a whole. */
  readonly path: string;
  /** From 1. Undefined: not one line of a text. */
  readonly line: number | undefined;
  /** Goes on after the path: is "12abc", is not set. */
  readonly what: string;
  readonly allowed?: string | undefined;
  readonly hint?: string | undefined;
}

/** One line: hub:12: cameras[1].latency is "5"; allowed: a duration such as 5s (say the unit: 5ms or 5s). */
export function describeDocumentFault(fault: DocumentFault): string {
  const { document, line, path, what, allowed, hint } = fault;
  const place = line === undefined ? document : `${document}:${line}`;
  const subject = path === "" ? "the document" : path;
  const rest = allowed === undefined ? "" : `; allowed: ${allowed}`;
  return `${place}: ${subject} ${what}${rest}${hint === undefined ? "" : ` (${hint})`}`;
}

/** cameras[1].uri; keys that are no plain words stand in brackets and quotes. */
export function displayPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    if (!/^[\w$-]{1,60}$/.test(part)) return `${text}[${quote(part)}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

/** More of what a message quotes helps nobody. */
const LONGEST_QUOTE = 60;
/** Looking for logins takes time, and a cut before it might leave half a login. */
const LONGEST_READ = 500;

/** A text of a document as a message may show it: short, on one line, without a login. */
export function quote(text: string): string {
  if (text.length > LONGEST_READ) return `a text of ${text.length} characters`;
  const shown = plain(text);
  return `"${shown.length > LONGEST_QUOTE ? `${shown.slice(0, LONGEST_QUOTE)}...` : shown}"`;
}

/** Without a login, and without what a terminal or a log would not print as it stands. */
function plain(text: string): string {
  return hideLogins(text.replace(/[\p{Cc}\p{Cf}\p{Surrogate}\p{Zl}\p{Zp}]/gu, "?"));
}
