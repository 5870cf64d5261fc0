// Recordings without what is of one hub, one user and one moment, so that they can be kept and compared.

import { isObject } from "../../common/json/document.js";
import type { Recorded } from "./recorder.js";

/** Whose hub it was. */
export interface Owner {
  readonly org: string;
  /** Without the password. */
  readonly user: string;
}

/** What takes their place. */
export const PLAIN: Owner = { org: "myorg", user: "me" };

/** Lists of a hub hold what others have there, too. */
const LISTS = ["services", "businessPolicy", "patterns", "nodes"];

/**
 * @param isOurs whether an object of a list, by its id, was made for the recording
 */
export function plainRecording(
  { method, path, body, status, answer }: Recorded,
  owner: Owner,
  isOurs: (id: string) => boolean,
): Recorded {
  return {
    method,
    path: plainText(path, owner),
    body: plainValue(body, owner),
    status,
    answer: plainValue(withoutOthers(answer, isOurs), owner),
  };
}

function withoutOthers(answer: unknown, isOurs: (id: string) => boolean): unknown {
  if (!isObject(answer)) return answer;
  return Object.fromEntries(
    Object.entries(answer).map(([key, value]) => {
      if (!LISTS.includes(key) || !isObject(value)) return [key, value];
      return [key, Object.fromEntries(Object.entries(value).filter(([id]) => isOurs(id)))];
    }),
  );
}

function plainValue(value: unknown, owner: Owner, key = ""): unknown {
  if (typeof value === "string") {
    if (SECRET_KEYS.has(key) && value !== "") return "left out";
    return plainText(value, owner);
  }
  if (Array.isArray(value)) return value.map((one) => plainValue(one, owner));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      plainText(name, owner),
      plainValue(part, owner, name),
    ]),
  );
}

/** Of one run: signatures and what a node proves itself with. */
const SECRET_KEYS = new Set([
  ...["deploymentSignature", "signature", "publicKey", "token"],
  ...["created_at", "password"],
]);

function plainText(text: string, { org, user }: Owner): string {
  if (text.startsWith("-----BEGIN")) return text.split("\n", 1)[0] ?? "";
  if (text === org) return PLAIN.org;
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z(?:\[UTC\])?/g, "TIME")
    .replaceAll(`${org}/${user}`, `${PLAIN.org}/${PLAIN.user}`)
    .replace(new RegExp(`(^|[^\\w-])${escaped(org)}(?=/)`, "g"), `$1${PLAIN.org}`)
    .replaceAll(`org= ${org},`, `org= ${PLAIN.org},`)
    .replaceAll(`"${org}"`, `"${PLAIN.org}"`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
