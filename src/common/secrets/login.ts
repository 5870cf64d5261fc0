/** Finds where the login (user:password@) of an address ends, also when the password holds @ : / ? # unescaped. */

/** What stands between the scheme's slashes and the host. `end` is the index of the @ that closes the login. */
export type Login =
  | { readonly t: "none" }
  | { readonly t: "login"; readonly end: number }
  /** Two readings make sense, and one of them would leave a password in the address. */
  | { readonly t: "ambiguous" }
  /** Whatever is taken for the login, no valid host follows. */
  | { readonly t: "no-host" };

interface Candidate {
  /** Index of the @ before the host; -1: the host comes first. */
  readonly at: number;
  /** The host cannot well be a part of a password: an IP address, a name with a dot, localhost, or with a port. */
  readonly strong: boolean;
}

const HOST =
  /^(?:(?<ip6>\[[0-9a-f:.]+(?:%[\w.-]+)?\])|(?<name>\w(?:[\w.-]*\w)?))(?::(?<port>\d{1,5}))?(?=[/?#]|$)/i;

/**
 * Reads what follows `scheme://`. The standard's reading wins wherever it gives a valid host; where it does not, as
 * in user:pa/ss@10.0.0.9/live, the login goes on to the first @ that a valid host follows.
 */
export function findLogin(rest: string): Login {
  const candidates: Candidate[] = [];
  for (let at = -1; ; ) {
    const candidate = hostAfter(rest, at);
    if (candidate !== undefined) candidates.push(candidate);
    at = rest.indexOf("@", at + 1);
    if (at < 0) break;
  }
  const [first] = candidates;
  if (first === undefined) return { t: "no-host" };
  if (candidates.length === 1) return chosen(first);
  // host/path@x: a login without a colon holds no slash.
  if (first.at < 0 && !/^[^/?#]*:/.test(rest)) return chosen(first);
  const strong = candidates.find((candidate) => candidate.strong);
  if (strong === undefined) return { t: "ambiguous" };
  // admin:12/34@10.0.0.9/live: port 12 of a host called admin, or a password with a slash?
  if (first.at < 0 && strong !== first) return { t: "ambiguous" };
  return chosen(strong);
}

function chosen(candidate: Candidate): Login {
  return candidate.at < 0 ? { t: "none" } : { t: "login", end: candidate.at };
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
