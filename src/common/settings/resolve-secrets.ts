/** Puts secrets in the place of their names. What is missing is told, never what is there. */

import { loginOf, type Secrets, textOf } from "../secrets/secrets.js";
import type { Credentials } from "./camera-uri.js";
import { fillAddress, type SecretReference } from "./secret-reference.js";

export interface Resolved<T> {
  readonly value: T;
  /** What is missing and what to do about it, one sentence for each secret. */
  readonly missing: readonly string[];
}

/** Undefined credentials: there are none, or they are missing. */
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

/** A reference whose secret is missing stays as it is. */
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
  return `secret ${name} is not there: ${detail}`;
}
