/**
 * Hides secrets in text that leaves the process: logs, problems, states and reports. Logins in addresses are recognised
 * by their form, all other secrets by their value.
 */

export type Redact = (text: string) => string;

const HIDDEN = "***";
const ADDRESS = /\b([a-z][a-z0-9+.-]{0,31}:\/\/)([^\s"'<>]+)/gi;
/** Many cameras want the password as a parameter of the address: /stream?user=admin&password=... */
const PARAMETER =
  /([?&/;]\w*(?:pass|passwd|password|passphrase|pwd|pw|token|secret|key)=)[^&\s"'<>]+/gi;

/** Hides the login of every address in a text, and parameters that are named like a password. */
export function hideLogins(text: string): string {
  return text.replace(ADDRESS, (_, scheme: string, rest: string) => {
    return scheme + hideLogin(rest).replace(PARAMETER, `$1${HIDDEN}`);
  });
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

function hideLogin(rest: string): string {
  // The syntax of an address, as help texts show it.
  if (rest.startsWith("[user:password@]")) return rest;
  const login = findLogin(withoutPunctuation(rest));
  if (login.t === "none") return rest;
  const end = login.t === "login" ? login.end : rest.lastIndexOf("@");
  return end < 0 ? rest : `${HIDDEN}@${rest.slice(end + 1)}`;
}

/** Drops the punctuation of the sentence around an address. */
function withoutPunctuation(text: string): string {
  let end = text.length;
  while (end > 0 && ".,:;)]}".includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** What stands between the slashes after the scheme and the host. `end` is the index of the @ that ends the login. */
export type LoginSpan =
  | { readonly t: "none" }
  | { readonly t: "login"; readonly end: number }
  /** Two readings make sense, and one of them would leave a password in the address. */
  | { readonly t: "ambiguous" }
  /** No reading leaves a valid host. */
  | { readonly t: "no-host" };

interface Candidate {
  /** Index of the @ before the host; -1: the host comes first. */
  readonly at: number;
  /** The host can hardly be part of a password: an IP address, a name with a dot, localhost, or with a port. */
  readonly strong: boolean;
}

const HOST =
  /^(?:(?<ip6>\[[0-9a-f:.]+(?:%[\w.-]+)?\])|(?<name>\w(?:[\w.-]*\w)?))(?::(?<port>\d{1,5}))?(?=[/?#]|$)/i;

/**
 * Finds where the login (user:password@) of an address ends, even if the password holds an unescaped @ : / ? or #.
 * `rest` is what follows `scheme://`. The reading of RFC 3986 wins wherever it gives a valid host; elsewhere, as in
 * user:pa/ss@10.0.0.9/live, the login extends to the first @ that a valid host follows.
 */
export function findLogin(rest: string): LoginSpan {
  const candidates: Candidate[] = [];
  for (let at = -1; ; ) {
    const candidate = hostAfter(rest, at);
    if (candidate !== undefined) candidates.push(candidate);
    at = rest.indexOf("@", at + 1);
    if (at < 0) break;
  }
  const [first] = candidates;
  if (first === undefined) return { t: "no-host" };
  if (candidates.length === 1) return spanOf(first);
  // host/path@x: a login without a colon holds no slash.
  if (first.at < 0 && !/^[^/?#]*:/.test(rest)) return spanOf(first);
  const strong = candidates.find((candidate) => candidate.strong);
  if (strong === undefined) return { t: "ambiguous" };
  // admin:12/34@10.0.0.9/live: port 12 of a host called admin, or a password with a slash?
  if (first.at < 0 && strong !== first) return { t: "ambiguous" };
  return spanOf(strong);
}

function spanOf({ at }: Candidate): LoginSpan {
  return at < 0 ? { t: "none" } : { t: "login", end: at };
}

function hostAfter(rest: string, at: number): Candidate | undefined {
  const groups = HOST.exec(rest.slice(at + 1))?.groups;
  if (groups === undefined) return undefined;
  const { ip6, name, port } = groups;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined;
  if (name !== undefined && /^\d+$/.test(name)) return undefined;
  // At the very start a port proves nothing: user:123/... looks the same.
  const strong =
    ip6 !== undefined ||
    name?.includes(".") === true ||
    name === "localhost" ||
    (port !== undefined && at >= 0);
  return { at, strong };
}

/** Secret values: fixed ones, or a function that returns the current ones, and the same array while they are the same. */
export type SecretSource = Iterable<string> | (() => readonly string[]);

/** Shorter secrets are hidden in addresses only: anywhere else they would take ordinary words and numbers with them. */
const MIN_LENGTH = 4;

/** A redactor that also hides secrets by value, in every encoding in which they may appear. */
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
    return hideLogins(pattern === undefined ? text : hideMatches(text, pattern));
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

/** Each level of quoting doubles a backslash; JSON within JSON has two. */
const QUOTED_TWICE = 4;

const JSON_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "n",
  "\r": "r",
  "\t": "t",
  "\b": "b",
  "\f": "f",
};

/**
 * The source of a regular expression that matches a secret as it is, percent-encoded, and quoted in JSON or a
 * programming language. Matching takes linear time.
 */
function encodingsOf(secret: string): string {
  return [...secret.matchAll(/\\+|[^\\]/gsu)].map(([part]) => encodingsOfPart(part)).join("");
}

/** part: one character, or a run of backslashes. */
function encodingsOfPart(part: string): string {
  if (/^[A-Za-z0-9]$/.test(part)) return part;
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
const SECRET_FIELD = /passw(?:or)?d|passphrase|pwd$/i;

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
      const isHidden = typeof item === "string" && item !== "" && SECRET_FIELD.test(key);
      return [redact(key), isHidden ? HIDDEN : redactDeep(item, redact, path)];
    }),
  );
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
