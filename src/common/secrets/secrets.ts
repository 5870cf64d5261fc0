/** Secrets by name: what a secret is, how its file is read, and which texts of it must never be printed. */

import { decodeUtf8 } from "../files/read.js";

/** A name as settings refer to it. Names may be shown. */
export const SECRET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export interface Login {
  readonly username: string;
  readonly password: string;
}

export type Secret =
  | ({ readonly t: "login" } & Login)
  | { readonly t: "value"; readonly value: string };

export interface Secrets {
  find(name: string):
    | { readonly t: "found"; readonly secret: Secret }
    /** What is wrong and what to do about it. */
    | { readonly t: "absent"; readonly detail: string };
  /** Texts that no output of the process may contain. The same array as long as nothing has changed. */
  readonly toHide: readonly string[];
}

/** The secret as a login. A value is read as user:password: Horizon's value-only files have no other place for the user. */
export function loginOf(secret: Secret): Login | undefined {
  if (secret.t === "login") return { username: secret.username, password: secret.password };
  const colon = secret.value.indexOf(":");
  if (colon < 0) return undefined;
  return { username: secret.value.slice(0, colon), password: secret.value.slice(colon + 1) };
}

/** The secret as one text; of a login the password: Horizon requires a key for every secret, needed or not. */
export function textOf(secret: Secret): string {
  return secret.t === "login" ? secret.password : secret.value;
}

/**
 * What of a secret may not be printed: the password, alone and as HTTP Basic authentication sends it, and each line of a
 * value.
 */
export function textsToHide(secret: Secret): string[] {
  const login = loginOf(secret);
  const value = textOf(secret);
  return [
    value,
    ...(value.includes("\n") ? value.split(/\r?\n/) : []),
    ...(login === undefined
      ? []
      : [login.password, Buffer.from(`${login.username}:${login.password}`).toString("base64")]),
  ].filter((text) => text !== "");
}

export type SecretReading =
  | { readonly t: "secret"; readonly secret: Secret }
  | { readonly t: "refused"; readonly why: string };

/**
 * Reads a file as Horizon writes it: {"key": ..., "value": ...}, or with the format value_only the value alone. A text
 * that begins with a brace is never read as a value: it may be the first half of a file that is being written.
 */
export function readSecret(bytes: Uint8Array): SecretReading {
  const text = decodeUtf8(bytes);
  if (text === undefined) return refused("is not UTF-8 text");
  // Text editors end each file with a newline.
  const value = text.replace(/\r?\n$/, "");
  if (value === "") return refused("is empty");
  if (value.includes("\0")) return refused("holds a zero byte");
  if (!/^\s*\{/.test(value)) return { t: "secret", secret: { t: "value", value } };
  const fields = readJson(value);
  if (fields === undefined) {
    return refused('begins like {"key": "...", "value": "..."} but is not complete JSON');
  }
  const { key, value: password } = fields;
  if (typeof key !== "string" || typeof password !== "string" || password === "") {
    return refused(
      'needs both "key" and "value", each a string; in a login they are the user and the password',
    );
  }
  return { t: "secret", secret: { t: "login", username: key, password } };
}

function refused(why: string): SecretReading {
  return { t: "refused", why };
}

function readJson(text: string): { key?: unknown; value?: unknown } | undefined {
  try {
    // The text begins with a brace, so it parses to an object.
    return JSON.parse(text) as object;
  } catch {
    // The error's message would quote the secret.
    return undefined;
  }
}
