/** Where the login of an address ends, however its author has written it. */

import { isIPv4 } from "node:net";

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
  /^(?:(?<ip6>\[[0-9a-f:.]+(?:%[\w.-]+)?\])|(?<name>\w(?:[\w.-]*\w)?\.?))(?::(?<port>\d{1,5}))?(?=[/?#]|$)/i;

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
  if (name !== undefined && /^[\d.]+$/.test(name) && !isIPv4(name)) return undefined;
  // At the very start a port proves nothing: user:123/... looks the same.
  const strong =
    ip6 !== undefined ||
    name?.includes(".") === true ||
    name === "localhost" ||
    (port !== undefined && at >= 0);
  return { at, strong };
}
