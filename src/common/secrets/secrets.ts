/** Secrets by name: what one is, how it is read from the text of its file, and what of it may never be printed. */

/** A name as settings refer to it. It may be shown. */
export const SECRET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export type Secret =
  | { readonly t: "login"; readonly username: string; readonly password: string }
  | { readonly t: "value"; readonly value: string };

export interface Secrets {
  find(name: string):
    | { readonly t: "found"; readonly secret: Secret }
    /** What is wrong and what to do about it. */
    | { readonly t: "absent"; readonly detail: string };
  /** What no output of the process may hold. The same array as long as nothing has changed. */
  readonly words: readonly string[];
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The secret as a login. A value is one as user:password: Horizon's value-only files have no other place for the user. */
export function loginOf(secret: Secret): Login | undefined {
  if (secret.t === "login") return { username: secret.username, password: secret.password };
  const colon = secret.value.indexOf(":");
  if (colon < 0) return undefined;
  return { username: secret.value.slice(0, colon), password: secret.value.slice(colon + 1) };
}

/** The secret as one text; of a login its password: Horizon's users must give each secret a key, needed or not. */
export function textOf(secret: Secret): string {
  return secret.t === "login" ? secret.password : secret.value;
}

export type SecretReading =
  | { readonly t: "secret"; readonly secret: Secret }
  | { readonly t: "refused"; readonly why: string };

/**
 * Reads a file as Horizon writes it: {"key": ..., "value": ...}, or with the format value_only the value alone. A text
 * that begins with a brace is never taken for a value: it may be the first half of the other form.
 */
export function readSecret(bytes: Uint8Array): SecretReading {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (err) {
    if (err instanceof TypeError) return refused("is no text in UTF-8");
    throw err;
  }
  // A text editor ends each file with a new line.
  const value = text.replace(/\r?\n$/, "");
  if (value === "") return refused("is empty");
  if (value.includes("\0")) return refused("holds a zero byte");
  if (!/^\s*\{/.test(value)) return { t: "secret", secret: { t: "value", value } };
  const fields = readJson(value);
  if (fields === undefined) {
    return refused('begins like {"key": "...", "value": "..."} but is no complete JSON');
  }
  const { key, value: password } = fields;
  if (typeof key !== "string" || typeof password !== "string" || password === "") {
    return refused(
      'needs both "key" and "value", each a text; for a login they are user and password',
    );
  }
  return { t: "secret", secret: { t: "login", username: key, password } };
}

function refused(why: string): SecretReading {
  return { t: "refused", why };
}

function readJson(text: string): { key?: unknown; value?: unknown } | undefined {
  try {
    // The text begins with a brace: what it parses to is an object.
    return JSON.parse(text) as object;
  } catch {
    // The message of the error would quote the secret.
    return undefined;
  }
}

/** What of a secret may not be printed: the password, alone and as HTTP sends it with its user, and a value's lines. */
export function wordsOf(secret: Secret): string[] {
  const login = loginOf(secret);
  const value = textOf(secret);
  return [
    value,
    ...(value.includes("\n") ? value.split(/\r?\n/) : []),
    ...(login === undefined
      ? []
      : [login.password, Buffer.from(`${login.username}:${login.password}`).toString("base64")]),
  ].filter((word) => word !== "");
}
