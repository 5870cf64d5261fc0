/** Takes secrets out of what is about to leave the process: logins in addresses, and secrets known by value. */

import { everyForm } from "./forms.js";
import { findLogin } from "./login.js";

/** Takes secrets out of a text. */
export type Redact = (text: string) => string;

const HIDDEN = "***";
const ADDRESS = /\b([a-z][a-z0-9+.-]{0,31}:\/\/)([^\s"'<>]+)/gi;
/** Many cameras want the password as a parameter of the address: /stream?user=admin&password=... */
const PARAMETER =
  /([?&/;]\w*(?:pass|passwd|password|passphrase|pwd|pw|token|secret|key)=)[^&\s"'<>]+/gi;

/** Hides the login, and parameters that are named like a password, of every address in a text. */
export function hideLogins(text: string): string {
  return text.replace(ADDRESS, (_, scheme: string, rest: string) => {
    return scheme + hideLogin(rest).replace(PARAMETER, `$1${HIDDEN}`);
  });
}

/**
 * Hides all that may be a login in a text that is one address, perhaps with a name before it, and perhaps so wrong that
 * nobody can tell where its login ends: front=rtsp:/admin:a b"c@10.0.0.9.
 */
export function hideLoginOf(address: string): string {
  const shown = address.includes("@")
    ? address.replace(/^((?:[^=:/@]*=)?[^:/@]*:?\/*).*@/s, `$1${HIDDEN}@`)
    : // The host was forgotten: what would be its port is none, and no address of IPv6 either.
      address.replace(
        /(:\/\/[^/:[\]]*:)(?!\d{1,5}(?:[/?#]|$)|[\da-f:.]*(?:\/|$)).+$/is,
        `$1${HIDDEN}`,
      );
  return hideLogins(shown);
}

function hideLogin(rest: string): string {
  // How an address is written, told to a user.
  if (rest.startsWith("[user:password@]")) return rest;
  const login = findLogin(withoutPunctuation(rest));
  if (login.t === "none") return rest;
  const end = login.t === "login" ? login.end : rest.lastIndexOf("@");
  return end < 0 ? rest : `${HIDDEN}@${rest.slice(end + 1)}`;
}

/** The punctuation of a sentence around an address is no part of it. */
function withoutPunctuation(text: string): string {
  let end = text.length;
  while (end > 0 && ".,:;)]}".includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Secrets by value: some that stay, or a function that gives those of now; the same array as long as they are the same. */
export type Words = Iterable<string> | (() => readonly string[]);

/** Shorter secrets are only hidden in addresses: anywhere else they would take ordinary words and numbers with them. */
const MIN_LENGTH = 4;

/** A redactor that also knows secrets by value, out of one or several sources, in every form they are written in. */
export function redactor(...sources: readonly Words[]): Redact {
  const readers = sources.map((words) => {
    if (typeof words === "function") return words;
    const fixed = [...words];
    return () => fixed;
  });
  let known: readonly (readonly string[])[] = [];
  let pattern: RegExp | undefined;
  return (text) => {
    const now = readers.map((read) => read());
    if (now.some((words, i) => words !== known[i])) {
      known = now;
      pattern = patternOf(now.flat());
    }
    return hideLogins(pattern === undefined ? text : hideMatches(text, pattern));
  };
}

/** Matches may overlap: together they are hidden as one. */
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
  // The longest first: of two that begin at one place, one match is found.
  hidden.sort((a, b) => b.length - a.length);
  return new RegExp(hidden.map(everyForm).join("|"), "g");
}

/** A field of this name is hidden whatever it holds: a short password is known by nothing else. */
const SECRET_FIELD = /passw(?:or)?d|passphrase|pwd$/i;

/** Redacts every text in a value, at any depth, and makes the value safe to print as JSON. Returns a copy. */
export function redactDeep(value: unknown, redact: Redact): unknown {
  return copy(value, redact, []);
}

function copy(value: unknown, redact: Redact, parents: readonly object[]): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (parents.includes(value)) return "[circular]";
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const path = [...parents, value];
  if (Array.isArray(value)) return value.map((item) => copy(item, redact, path));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const isHidden = typeof item === "string" && item !== "" && SECRET_FIELD.test(key);
      return [redact(key), isHidden ? HIDDEN : copy(item, redact, path)];
    }),
  );
}
