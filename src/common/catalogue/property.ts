/** A property of an element, as one release has it on one platform. */

import { compareReleases } from "../release-number.js";
import type { ChangeRecord, EnumRecord, PlainPropertyRecord, SeenProperty } from "./data.js";
import type { Platform } from "./release.js";

export interface Property {
  readonly name: string;
  /** boolean, int, uint, int64, uint64, float, string, enum; anything else is not checked. */
  readonly type: string;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** The values of an enumeration. Undefined: unknown. */
  readonly choices: readonly Choice[] | undefined;
  readonly writable: boolean;
}

export interface Choice {
  readonly value: number;
  /** Spelling differs between sources. The first is the usual one; all are accepted. */
  readonly nicks: readonly string[];
}

const CANONICAL: Readonly<Record<string, string>> = {
  integer: "int",
  "unsigned integer": "uint",
  double: "float",
};

/** seen: what a real element of release 9.0 on dGPU printed, with spellings of earlier releases. */
export function resolveProperty(
  record: PlainPropertyRecord,
  release: string,
  platform: Platform,
  seen?: SeenProperty,
): Property {
  const changes = record.changes ?? [];
  const type = valueAt(changes, release, "type") ?? record.type;
  const entries = valueAt(changes, release, "enum") ?? record.enum;
  const isSeen = platform === "dgpu" && compareReleases(release, "9.0") >= 0;
  const range = isSeen ? seen?.range?.map(Number) : undefined;
  return {
    name: record.name,
    type: CANONICAL[type] ?? type,
    min: range?.[0] ?? valueAt(changes, release, "min") ?? record.min ?? undefined,
    max: range?.[1] ?? valueAt(changes, release, "max") ?? record.max ?? undefined,
    choices: resolveChoices(entries, platform, seen?.values, isSeen),
    writable: (record.access ?? "rw").includes("w"),
  };
}

/** A change has the fact before its release and from then on. Undefined: it never changed. */
function valueAt<K extends keyof ChangeRecord["changed"]>(
  changes: readonly ChangeRecord[],
  release: string,
  fact: K,
):
  | NonNullable<ChangeRecord["changed"][K]>[0]
  | NonNullable<ChangeRecord["changed"][K]>[1]
  | undefined {
  let value: ReturnType<typeof valueAt<K>>;
  for (const change of changes) {
    const pair = change.changed[fact];
    if (pair === undefined) continue;
    if (compareReleases(release, change.version) < 0) return value ?? pair[0];
    value = pair[1];
  }
  return value;
}

function resolveChoices(
  entries: readonly EnumRecord[] | undefined,
  platform: Platform,
  seenNicks: Readonly<Record<string, string>> | undefined,
  isSeen: boolean,
): readonly Choice[] | undefined {
  if (entries === undefined && !(isSeen && seenNicks !== undefined)) return undefined;
  const choices = new Map<number, string[]>();
  for (const { value, nick } of entries ?? []) {
    const [, bare = nick, limit = ""] = /^(.*?)(?: \((.*)\))?$/.exec(nick) ?? [];
    if (limit.startsWith("Jetson") && platform !== "jetson") continue;
    if (limit.startsWith("dGPU") && platform !== "dgpu") continue;
    choices.set(value, [bare]);
  }
  for (const [value, nick] of Object.entries(seenNicks ?? {})) {
    const nicks = choices.get(Number(value));
    if (nicks !== undefined && !nicks.includes(nick)) nicks.unshift(nick);
    if (nicks === undefined && isSeen) choices.set(Number(value), [nick]);
  }
  return [...choices].map(([value, nicks]) => ({ value, nicks }));
}
