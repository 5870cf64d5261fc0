/** One secret file over time: its content counts once it is read the same twice, and what cannot be read changes nothing. */

import { readSecret, type Secret } from "./secrets.js";

/** What a look at a file gives. */
export type Found =
  | { readonly t: "nothing" }
  | { readonly t: "bytes"; readonly bytes: Uint8Array }
  | { readonly t: "fault"; readonly why: string };

export interface Entry {
  /** The last good one. */
  readonly secret: Secret | undefined;
  /** What is wrong with the content that was judged last. */
  readonly why: string | undefined;
  readonly judged: Found;
  readonly seen: Found;
}

export const NO_ENTRY: Entry = {
  secret: undefined,
  why: undefined,
  judged: { t: "nothing" },
  seen: { t: "nothing" },
};

/**
 * A secret that has gone stays in use: Horizon removes all secrets of a container when one of them is taken away
 * (anax, RemoveSecretFile), and with an agreement it removes the container. `atOnce`: a first look need not be the same as the one before.
 */
export function afterLook(entry: Entry, found: Found, atOnce: boolean): Entry {
  if (isSame(found, entry.judged)) return { ...entry, seen: found };
  if (!atOnce && !isSame(found, entry.seen)) return { ...entry, seen: found };
  const judged = { judged: found, seen: found };
  switch (found.t) {
    case "nothing":
      if (entry.secret === undefined) return NO_ENTRY;
      return { ...judged, secret: entry.secret, why: "has gone" };
    case "fault":
      return { ...judged, secret: entry.secret, why: found.why };
    case "bytes": {
      const reading = readSecret(found.bytes);
      return reading.t === "secret"
        ? { ...judged, secret: reading.secret, why: undefined }
        : { ...judged, secret: entry.secret, why: reading.why };
    }
    default:
      return found satisfies never;
  }
}

/** Whether the file stands still. */
export function isSettled({ seen, judged }: Entry): boolean {
  return isSame(seen, judged);
}

function isSame(a: Found, b: Found): boolean {
  if (a.t === "bytes" && b.t === "bytes") return Buffer.compare(a.bytes, b.bytes) === 0;
  if (a.t === "fault" && b.t === "fault") return a.why === b.why;
  return a.t === b.t;
}
