/** Reads the address of one camera. Here, and nowhere else, a login leaves the address. */

import { closest } from "../closest.js";
import { findLogin } from "../secrets/login-span.js";
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
  | { readonly t: "refused"; readonly allowed: string; readonly hint?: string };

export const CAMERA_SCHEMES = "rtsp://, rtsps://, file://, /dev/videoN or test://";

/** Reads an address as a user wrote it. An unescaped password is understood where only one reading makes sense. */
export function readCameraUri(text: string): CameraUri {
  if (/^\/dev\//.test(text)) {
    if (/^\/dev\/video\d{1,3}$/.test(text)) return { t: "uri", uri: text, credentials: undefined };
    return { t: "refused", allowed: "/dev/videoN with a number N" };
  }
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  const rest = match?.[2] ?? "";
  switch (scheme) {
    case "rtsp":
    case "rtsps":
      return readNetworkUri(scheme, rest);
    case "file":
      if (rest.startsWith("/")) return { t: "uri", uri: `file://${rest}`, credentials: undefined };
      return { t: "refused", allowed: "file:/// and an absolute path" };
    case "test":
      if (/^[\w./?&=,:-]*$/.test(rest)) {
        return { t: "uri", uri: `test://${rest}`, credentials: undefined };
      }
      return { t: "refused", allowed: "test:// and the name of a pattern" };
    default:
      return refusedScheme(text, scheme);
  }
}

function readNetworkUri(scheme: string, rest: string): CameraUri {
  const login = findLogin(rest);
  switch (login.t) {
    case "none":
      return { t: "uri", uri: `${scheme}://${rest}`, credentials: undefined };
    case "login": {
      const uri = `${scheme}://${rest.slice(login.end + 1)}`;
      return readLogin(rest.slice(0, login.end), uri);
    }
    case "ambiguous":
      return {
        t: "refused",
        allowed: "an address whose login ends in a clear place",
        hint: "write an @ of the path or the password as %40, and a / of the password as %2F",
      };
    case "no-host": {
      const bare = /^(?:[^/]*@)?([0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)(?:\/|$)/i.test(rest);
      const allowed = `${scheme}://[user:password@]host[:port][/path]`;
      if (bare)
        return { t: "refused", allowed, hint: "an IPv6 address stands in brackets: [fe80::1]" };
      return { t: "refused", allowed };
    }
    default:
      return login satisfies never;
  }
}

/** A user who is called secret writes %73ecret. */
function readLogin(login: string, uri: string): CameraUri {
  if (!login.startsWith("secret:")) return { t: "uri", uri, credentials: readCredentials(login) };
  const reading = secretReference().read(login);
  if (reading.t === "value") return { t: "uri", uri, credentials: reading.value };
  return {
    t: "refused",
    allowed: "secret:NAME in place of a login, with the name of a secret",
    hint: "a user who is called secret writes %73ecret",
  };
}

function readCredentials(login: string): Credentials | undefined {
  if (login === "" || login === ":") return undefined;
  const colon = login.indexOf(":");
  const username = colon < 0 ? login : login.slice(0, colon);
  const password = colon < 0 ? "" : login.slice(colon + 1);
  return { username: decode(username), password: decode(password) };
}

/** Percent-decodes a text; one that is no valid encoding, such as 100%, is meant as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Malformed on purpose or by accident: either way the user sees this text as the password.
    return text;
  }
}

function refusedScheme(text: string, scheme: string | undefined): CameraUri {
  const allowed = CAMERA_SCHEMES;
  const near = closest(scheme ?? /^[a-z]+(?=:)/i.exec(text)?.[0] ?? "", [
    "rtsp",
    "rtsps",
    "file",
    "test",
  ]);
  if (near !== undefined) return { t: "refused", allowed, hint: `did you mean ${near}://?` };
  if (text.startsWith("/")) return { t: "refused", allowed, hint: `did you mean file://${text}?` };
  if (scheme === undefined)
    return { t: "refused", allowed, hint: "an address begins with its scheme" };
  return { t: "refused", allowed };
}
