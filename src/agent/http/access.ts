/** Whether a request may pass, by what it is and who sends it. Pure, but for the count of wrong logins. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Login } from "../../common/secrets/secrets.js";

export interface AccessRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the peer; undefined on a Unix socket. */
  readonly address: string | undefined;
}

/** Who may connect. */
export type Policy =
  /** A Unix socket: its file's mode decides. */
  | { readonly t: "socket" }
  /** A loopback address without logins: everybody on this machine. */
  | { readonly t: "local" }
  /** Whoever has one of these logins. Empty: nobody, until the secrets are there. */
  | { readonly t: "logins"; readonly logins: readonly Login[] };

export interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What changes something. Everything else is read only. */
const ACTIONS =
  /^\/api\/v1\/(?:camera-tests|cameras\/[^/?]+\/restart|trials\/(?:confirm|take-back))$/;
const LONGEST_BODY = 16 * 1024;
const SETTINGS = "/api/v1/settings";
const LONGEST_SETTINGS = 256 * 1024;

/** Wrong logins of one address within a minute, after which all its logins are refused until the minute is over. */
const MOST_WRONG = 10;
const WRONG_MS = 60_000;
/** Addresses that are remembered; the oldest gives way. */
const MOST_ADDRESSES = 1000;

/** Counts wrong logins by address. */
export class WrongLogins {
  readonly #byAddress = new Map<string, { count: number; sinceMs: number }>();

  isBlocked(address: string, nowMs: number): boolean {
    const wrong = this.#byAddress.get(address);
    return wrong !== undefined && nowMs - wrong.sinceMs < WRONG_MS && wrong.count >= MOST_WRONG;
  }

  add(address: string, nowMs: number): void {
    const before = this.#byAddress.get(address);
    this.#byAddress.delete(address);
    const isRecent = before !== undefined && nowMs - before.sinceMs < WRONG_MS;
    const { count, sinceMs } = isRecent ? before : { count: 0, sinceMs: nowMs };
    this.#byAddress.set(address, { count: count + 1, sinceMs });
    if (this.#byAddress.size > MOST_ADDRESSES) {
      this.#byAddress.delete(this.#byAddress.keys().next().value ?? "");
    }
  }
}

/** Undefined: it may pass. */
export function refusalOf(
  request: AccessRequest,
  policy: Policy,
  wrongLogins: WrongLogins,
  nowMs: number,
): Refusal | undefined {
  const { url, headers } = request;
  const refusal = formRefusal(request);
  if (refusal !== undefined) return refusal;
  // A link to the page may be followed from anywhere: it is never framed, and does nothing by being opened.
  const isLink = url === "/" && headers["sec-fetch-mode"] === "navigate";
  if (isCrossSite(headers) && !isLink) return refused(403, "requests from other sites are refused");
  switch (policy.t) {
    case "socket":
      return undefined;
    case "local":
      // A name that an attacker points to this machine reaches no local service (DNS rebinding).
      return isLocalHost(headers.host)
        ? undefined
        : refused(403, "the Host header must be localhost or a loopback address");
    case "logins":
      return loginRefusal(request, policy.logins, wrongLogins, nowMs);
    default:
      return policy satisfies never;
  }
}

/** What a request looks like, whoever sends it. */
function formRefusal({ method, url, headers }: AccessRequest): Refusal | undefined {
  const length = headers["content-length"] ?? "0";
  const { methods, longest } = formOf(url);
  const allowed = methods.join(", ");
  if (!methods.includes(method)) {
    return refused(405, `${method} is not allowed here: use ${allowed}`, { Allow: allowed });
  }
  const changes = method === "POST" || method === "PUT";
  if ("transfer-encoding" in headers || Number(length) > (changes ? longest : 0)) {
    const most = changes ? `no more than ${longest} bytes` : "no body";
    return refused(413, `a request has ${most} here`, { Connection: "close" });
  }
  // A form of another site cannot have this type, and a script of another site would have to ask first.
  if (changes && !/^application\/json(?:;|$)/.test(headers["content-type"] ?? "")) {
    return refused(415, "the body must be application/json", { Connection: "close" });
  }
  return undefined;
}

/** The methods of an address, and the longest body that changes something there. */
function formOf(url: string): { methods: readonly string[]; longest: number } {
  if (ACTIONS.test(url)) return { methods: ["POST"], longest: LONGEST_BODY };
  if (url === SETTINGS) return { methods: ["GET", "HEAD", "PUT"], longest: LONGEST_SETTINGS };
  return { methods: ["GET", "HEAD"], longest: 0 };
}

/** Browsers say where a request comes from; programs send neither header. */
function isCrossSite(headers: IncomingHttpHeaders): boolean {
  const { origin, host = "" } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

function isLocalHost(host: string | undefined): boolean {
  return host === undefined || /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host);
}

function loginRefusal(
  { headers, address = "" }: AccessRequest,
  logins: readonly Login[],
  wrongLogins: WrongLogins,
  nowMs: number,
): Refusal | undefined {
  if (wrongLogins.isBlocked(address, nowMs)) {
    const seconds = String(WRONG_MS / 1000);
    return refused(429, "too many wrong logins; try again later", { "Retry-After": seconds });
  }
  const given = headers.authorization;
  if (given !== undefined && logins.some((login) => isSame(given, basic(login)))) return undefined;
  if (given !== undefined) wrongLogins.add(address, nowMs);
  return refused(401, "log in with a user name and a password of HTTP_USERS", {
    "WWW-Authenticate": 'Basic realm="slipstream", charset="UTF-8"',
  });
}

function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Takes the same time for every wrong text. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function refused(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Refusal {
  return { status, error, headers };
}
