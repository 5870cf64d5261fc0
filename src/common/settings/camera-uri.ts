/** Reads the address of a camera. This is the one place that separates a login from its address. */

import { isIPv4 } from "node:net";
import { domainToASCII } from "node:url";
import { closest } from "../closest.js";
import { refusal } from "../problem.js";
import { findLogin } from "../secrets/login-span.js";
import { type Format, REFUSED } from "./format.js";
import { UNPRINTABLE } from "./formats.js";
import { type SecretReference, secretReference } from "./secret-reference.js";

/** A camera's login. Never logged, never part of an address. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export type CameraUri =
  | {
      readonly t: "uri";
      readonly uri: string;
      readonly credentials: Credentials | SecretReference | undefined;
    }
  | { readonly t: "refused"; readonly allowed: string; readonly hint?: string | undefined };

export const CAMERA_SCHEMES = "rtsp://, rtsps://, file://, /dev/videoN or test://";

const LONGEST_ADDRESS = 2048;
/** The sidecar does not connect to an address with one of these: readers of addresses differ in what they make of it. */
const UNFIT = /[\s"<>\\]|\p{Cc}/u;

/** An address in a settings document. No message shows it: it may hold a login. */
export const cameraAddress: Format<Extract<CameraUri, { t: "uri" }>> = {
  allowed: "the address of a camera, such as rtsp://host/path",
  json: { type: "string", maxLength: LONGEST_ADDRESS },
  read(text) {
    const isReadable = text.length <= LONGEST_ADDRESS && !UNPRINTABLE.test(text);
    const uri = isReadable ? readCameraUri(text) : refused(this.allowed);
    if (uri.t === "uri") return { t: "value", value: uri };
    const hint = uri.hint?.includes(text) ? undefined : uri.hint;
    return { t: "refused", messages: [refusal(REFUSED, uri.allowed, hint)] };
  },
};

/** Reads an address as a user wrote it. An unescaped password is understood if the address can be read in one way only. */
export function readCameraUri(text: string): CameraUri {
  if (text.startsWith("/dev/")) {
    return /^\/dev\/video\d{1,3}$/.test(text)
      ? found(text)
      : refused("/dev/videoN with a number N");
  }
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  const rest = match?.[2] ?? "";
  switch (scheme) {
    case "rtsp":
    case "rtsps":
      return readNetworkUri(scheme, rest);
    case "file":
      return rest.startsWith("/")
        ? found(`file://${rest}`)
        : refused("file:/// and an absolute path");
    case "test":
      return /^[\w./?&=,:-]*$/.test(rest)
        ? found(`test://${rest}`)
        : refused("test:// and the name of a pattern");
    default:
      return refusedScheme(text, scheme);
  }
}

function found(uri: string, credentials?: Credentials | SecretReference): CameraUri {
  return { t: "uri", uri, credentials };
}

function refused(allowed: string, hint?: string): CameraUri {
  return { t: "refused", allowed, hint };
}

function readNetworkUri(scheme: string, rest: string): CameraUri {
  const login = findLogin(rest);
  switch (login.t) {
    case "none":
      return UNFIT.test(rest) ? unfit(rest) : found(`${scheme}://${rest}`);
    case "login": {
      const address = rest.slice(login.end + 1);
      return UNFIT.test(address)
        ? unfit(address)
        : readLogin(rest.slice(0, login.end), `${scheme}://${address}`);
    }
    case "ambiguous":
      return refused(
        "an address in which the end of the login is clear",
        "write @ in the path or the password as %40, and / in the password as %2F",
      );
    case "no-host":
      return refused(`${scheme}://[user:password@]host[:port][/path]`, hostHint(rest));
    default:
      return login satisfies never;
  }
}

/** What is wrong with an address without a valid host, as far as that is clear. Repeats nothing of a login. */
function hostHint(rest: string): string | undefined {
  const host = /^(?:[^/]*@)?([^/?#:@]*)/.exec(rest)?.[1] ?? "";
  if (/^(?:[^/]*@)?[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*(?:\/|$)/i.test(rest)) {
    return "put an IPv6 address in brackets: [fe80::1]";
  }
  if (/^[\d.]+$/.test(host) && !isIPv4(host)) {
    return "an IPv4 address has four numbers from 0 to 255";
  }
  if (/\P{ASCII}/u.test(host)) {
    const ascii = rest.includes("@") ? "" : domainToASCII(host);
    return ascii === "" ? "write the host in ASCII" : `write the host as ${ascii}`;
  }
  return /^[\w.-]+:(?!\/\/)[^/?#:@\s]*(?:[/?#]|$)/.test(rest)
    ? "a port is a number from 1 to 65535"
    : undefined;
}

function unfit(address: string): CameraUri {
  const isList = /[,;|\s]\s*(?:[^,=:/@?]+=)?(?:rtsps?:|\d+\.\d+\.)/i.test(address);
  return refused(
    'an address without blanks and the characters \\ " < >',
    isList
      ? "in a list, a comma stands between two cameras, and each begins with its scheme"
      : "write a blank as %20",
  );
}

function readLogin(login: string, uri: string): CameraUri {
  if (!login.startsWith("secret:")) return found(uri, readCredentials(login));
  const reading = secretReference().read(login);
  return reading.t === "value"
    ? found(uri, reading.value)
    : refused(
        "secret:NAME instead of a login, with the name of a secret",
        "write a user name of secret as %73ecret",
      );
}

function readCredentials(login: string): Credentials | undefined {
  if (login === "" || login === ":") return undefined;
  const colon = login.indexOf(":");
  const username = colon < 0 ? login : login.slice(0, colon);
  const password = colon < 0 ? "" : login.slice(colon + 1);
  return { username: decode(username), password: decode(password) };
}

/** Percent-decodes a text. One that is not valid, such as 100%, is taken literally. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // For the user this text is the password.
    return text;
  }
}

function refusedScheme(text: string, scheme: string | undefined): CameraUri {
  if (/^["'<]/.test(text)) return refused(CAMERA_SCHEMES, "without quotation marks");
  const given = scheme ?? /^[a-z]+(?=:)/i.exec(text)?.[0] ?? "";
  const near = closest(given, ["rtsp", "rtsps", "file", "test"]);
  if (near !== undefined) return refused(CAMERA_SCHEMES, `did you mean ${near}://?`);
  if (text.startsWith("/")) return refused(CAMERA_SCHEMES, `did you mean file://${text}?`);
  return refused(CAMERA_SCHEMES, scheme === undefined ? "begin with the scheme" : undefined);
}
