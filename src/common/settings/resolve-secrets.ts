/** Replaces the names of secrets by the secrets, and reports those that are missing. */

import { loginOf, type Secrets, textOf } from "../secrets/secrets.js";
import type { Credentials } from "./camera-uri.js";
import { fillAddress, type SecretReference } from "./secret-reference.js";

export interface Resolved<T> {
  readonly value: T;
  /** For each missing secret, what to do about it. */
  readonly missing: readonly string[];
}

/** Undefined credentials: none are wanted, or they are missing. */
export function resolveLogin(
  wanted: Credentials | SecretReference | undefined,
  secrets: Secrets,
): Resolved<Credentials | undefined> {
  if (wanted === undefined || !("secret" in wanted)) return { value: wanted, missing: [] };
  const found = secrets.find(wanted.secret);
  if (found.t === "absent") return { value: undefined, missing: [absent(wanted.secret, found)] };
  const login = loginOf(found.secret);
  if (login !== undefined) return { value: login, missing: [] };
  const detail = "has no user name: write it as user:password, or with a key";
  return { value: undefined, missing: [`secret ${wanted.secret} ${detail}`] };
}

/** Undefined: no secret is wanted, or it is missing. */
export function resolveText(
  wanted: SecretReference | undefined,
  secrets: Secrets,
): Resolved<string | undefined> {
  if (wanted === undefined) return { value: undefined, missing: [] };
  const found = secrets.find(wanted.secret);
  if (found.t === "found") return { value: textOf(found.secret), missing: [] };
  return { value: undefined, missing: [absent(wanted.secret, found)] };
}

/** A reference to a missing secret stays as it is. */
export function resolveAddress(uri: string, secrets: Secrets): Resolved<string> {
  const missing: string[] = [];
  const value = fillAddress(uri, (name) => {
    const found = secrets.find(name);
    if (found.t === "found") return textOf(found.secret);
    missing.push(absent(name, found));
    return undefined;
  });
  return { value, missing };
}

function absent(name: string, { detail }: { readonly detail: string }): string {
  return `secret ${name} is missing: ${detail}`;
}
