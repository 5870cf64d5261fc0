/** Hides what may be a secret in the addresses of a text, by its form. src/sidecar/redact.py does the same. */

import { TABLE } from "./table.js";

export const HIDDEN = "***";

/** Of JSON that is quoted again, or of PHP, whose slashes are escaped too. */
const SCHEME_END = ":(?:\\\\*\\/){2}";
/** user:password@ where the password holds blanks and no slash. */
const LOGIN_WITH_BLANKS = new RegExp(`(${SCHEME_END})[^\\s/:@[]+:[^/@\\n]*@`, "g");
/** A double quote ends an address only where it ends a word: broken addresses hold some. */
const WORD_END = `(?:\\s|$|[,;:.)\\]}\\\\]{1,8}(?:[\\s"]|$))`;
const ADDRESS = new RegExp(
  `('[A-Za-z][A-Za-z0-9+.-]{0,31})?(${SCHEME_END})` +
    `((?:[^\\s"\\\\]|\\\\(?!\\\\{0,7}"${WORD_END})|"(?!${WORD_END}))+)`,
  "g",
);
/** An address that is a parameter of another one. */
const ENCODED_ADDRESS = /(%(?:25)*3a(?:%(?:25)*2f){2})[^\s"'<>&]+/gi;
/** user:password@host without a scheme. */
const BARE_LOGIN =
  /(^|[\s"'=(,<>/\\])([^\s"'=(),<>/:@{}[\]\\]{1,64}):([^\s"',<>@{}/\\][^\s"'<>{}]{0,200})@(?=[\w[])/g;
/** The same, percent-encoded. */
const ENCODED_LOGIN = /(%(?:25)*3a)[^\s"'<>&]{1,200}?(?=%(?:25)*40)/gi;
/** A query without the address before it, as in the first line of a request. */
const BARE_QUERY = /([?&])([^\s?&;#"'<>=]{1,64}(?:=|%3d)[^\s?&;#"'<>]*)/gi;

const PUNCTUATION = ".,:;)]}";
const SYNTAX = "[user:password@]host";

const PARAMETER_START = /=|%(?:25)*(?:3[bdf]|2[36])|\\+u00(?:3[bdf]|2[36])/i;
const NAME = /^[a-z][\w.-]{0,31}$/i;
const NUMBER_OR_SIZE = /^(?:\d{1,4}|\d{1,5}x\d{1,5})$/i;
/** In a path: /password/hunter2. */
const NAMED_SEGMENT = new RegExp(`(/(?:${TABLE.secretNames.join("|")})/)([^/;&?#]+)`, "gi");
const NAMES: ReadonlySet<string> = new Set(TABLE.harmlessNames);
const WORDS: ReadonlySet<string> = new Set(TABLE.harmlessWords);

/** Hides the logins of every address in a text, and the values of its parameters that are not known to be harmless. */
export function hideAddresses(text: string): string {
  return text
    .replace(LOGIN_WITH_BLANKS, `$1${HIDDEN}@`)
    .replace(ADDRESS, (_, quoted: string | undefined, scheme: string, rest: string) => {
      // Between single quotes an address ends at the last one: it may hold others.
      const end = quoted === undefined ? -1 : rest.lastIndexOf("'");
      const address = end < 0 ? rest : rest.slice(0, end);
      return (quoted ?? "") + scheme + shownRest(address) + rest.slice(address.length);
    })
    .replace(ENCODED_ADDRESS, `$1${HIDDEN}`)
    .replace(ENCODED_LOGIN, `$1${HIDDEN}`)
    .replace(BARE_LOGIN, `$1$2:${HIDDEN}@`)
    .replace(BARE_QUERY, (_, mark: string, item: string) => mark + shownBare(item));
}

/** rest: what follows the scheme, with the punctuation of the sentence around it. */
function shownRest(rest: string): string {
  const address = without(PUNCTUATION, rest);
  if (address.startsWith(SYNTAX)) return rest;
  return shownAddress(address) + rest.slice(address.length);
}

function shownBare(item: string): string {
  const parameter = without(`${PUNCTUATION}\\`, item);
  return shownParameter(parameter) + item.slice(parameter.length);
}

/** The text without characters of a set at its end. */
function without(characters: string, text: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

function shownAddress(address: string): string {
  const login = loginEnd(address);
  const shown = login === 0 ? "" : `${HIDDEN}@`;
  const [, host = "", path = "", query = ""] =
    /^([^/?#;&]*)([^?#]*)(.*)$/s.exec(address.slice(login)) ?? [];
  // What stands where the port would be is a password whose host is missing.
  if (!isHost(host)) return `${shown}${host.slice(0, host.indexOf(":") + 1)}${HIDDEN}`;
  return (
    shown +
    host +
    path
      .replace(/([/;&])([^/;&]*)/g, (_, mark: string, item: string) =>
        mark === "/" ? `/${shownSegment(item)}` : mark + shownParameter(item),
      )
      .replace(NAMED_SEGMENT, `$1${HIDDEN}`) +
    query.replace(/([?&;#])([^?&;#]*)/g, (_, mark, item) => mark + shownParameter(item))
  );
}

/**
 * Index behind the @ of the login; 0: there is none. A password may hold @ and /, so that the login reaches to the last @,
 * unless what comes first is a host without a port.
 */
function loginEnd(address: string): number {
  const [head = ""] = address.split(/[/?#;&]/, 1);
  return /[@:]/.test(head) ? address.lastIndexOf("@") + 1 : 0;
}

function isHost(host: string): boolean {
  if (!host.includes(":")) return true;
  return (
    /^(?:[^:]*|\[[^\]]*\]):?\d{0,5}$/.test(host) || /^[\da-f]*:[\da-f]*:[\da-f:.]*$/i.test(host)
  );
}

/** Of a path; most are no parameters. */
function shownSegment(segment: string): string {
  return PARAMETER_START.test(segment) ? shownParameter(segment) : segment;
}

function shownParameter(item: string): string {
  const start = PARAMETER_START.exec(item);
  if (start === null) return item === "" || isHarmless(item) ? item : HIDDEN;
  const name = item.slice(0, start.index);
  const value = item.slice(start.index + start[0].length);
  if (value === "" || (NAMES.has(name.toLowerCase()) && isHarmless(value))) return item;
  return `${NAME.test(name) ? name : HIDDEN}${start[0]}${HIDDEN}`;
}

function isHarmless(value: string): boolean {
  if (NUMBER_OR_SIZE.test(value)) return true;
  const small = value.toLowerCase();
  return WORDS.has(small) || WORDS.has(small.replace(/[-_]?\d{1,3}$/, ""));
}

/** Texts that the parameters of an address hold and that nobody may read: as they stand, and decoded. */
export function secretsInAddress(address: string): string[] {
  const rest = address.replace(/^[^:]*:\/+/, "");
  const values = [...address.matchAll(NAMED_SEGMENT)].map(([, , value = ""]) => value);
  for (const item of rest.split(/[/?&;#]/)) {
    const start = PARAMETER_START.exec(item);
    if (start !== null && shownParameter(item) !== item)
      values.push(item.slice(start.index + start[0].length));
  }
  return values.flatMap((value) => [...new Set([value, decoded(value)])]);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
