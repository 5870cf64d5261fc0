/** Takes secrets out of what is about to leave the process: logins in addresses, and secrets known by value. */

import { findLogin } from "./login.js";

/** Takes secrets out of a text. */
export type Redact = (text: string) => string;

const HIDDEN = "***";
const ADDRESS = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>]+)/gi;
/** Many cameras want the password as a parameter of the address: /stream?user=admin&password=... */
const PARAMETER = /([?&/;]\w*(?:pass|passwd|password|pwd|token|secret)=)[^&\s"'<>]+/gi;

/** Hides the login, and parameters that are named like a password, of every address in a text. */
export function hideLogins(text: string): string {
  return text.replace(ADDRESS, (_, scheme: string, rest: string) => {
    return scheme + hideLogin(rest).replace(PARAMETER, `$1${HIDDEN}`);
  });
}

function hideLogin(rest: string): string {
  // The punctuation of a sentence around the address is no part of it.
  const login = findLogin(rest.replace(/[.,:;)\]}]+$/, ""));
  if (login.t === "none") return rest;
  const end = login.t === "login" ? login.end : rest.lastIndexOf("@");
  return end < 0 ? rest : `${HIDDEN}@${rest.slice(end + 1)}`;
}

/**
 * A redactor that also knows some secrets by value. Secrets shorter than four characters are only hidden in addresses:
 * anywhere else they would take ordinary words and numbers with them.
 */
export function redactor(secrets: Iterable<string>): Redact {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < 4) continue;
    forms.add(secret);
    forms.add(encodeURIComponent(secret));
    forms.add(JSON.stringify(secret).slice(1, -1));
  }
  // The longest first: a secret may be a part of another one.
  const known = [...forms].sort((a, b) => b.length - a.length);
  return (text) => hideLogins(known.reduce((rest, form) => rest.replaceAll(form, HIDDEN), text));
}

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
    Object.entries(value).map(([key, item]) => [redact(key), copy(item, redact, path)]),
  );
}
