/** Decides which bundles must go so that another one has room. Pure. */

import type { Installed } from "./store-files.js";

export interface Disk {
  readonly installed: readonly Installed[];
  /** Directories that may not be removed; undefined: not known, so none may. */
  readonly held: ReadonlySet<string> | undefined;
  /** For everything together. */
  readonly maxBytes: number;
}

export type Room =
  /** In this order. */
  | { readonly t: "room"; readonly remove: readonly Installed[] }
  /** Whatever is removed. */
  | { readonly t: "never"; readonly detail: string }
  /** While so much is held. */
  | { readonly t: "not now"; readonly detail: string };

/** Withdrawn ones go first, then those that were used longest ago; never more than needed. */
export function roomFor(bundleBytes: number, archiveBytes: number, disk: Disk): Room {
  const { installed, held, maxBytes } = disk;
  const needed = bundleBytes + archiveBytes;
  if (needed > maxBytes) {
    const parts = bundleBytes === 0 ? "" : `, ${bundleBytes} unpacked and ${archiveBytes} packed`;
    const detail = `needs ${needed} bytes${parts}: models may take ${maxBytes} on this node`;
    return { t: "never", detail };
  }
  const order = installed
    .filter(({ path }) => held?.has(path) === false)
    .sort((a, b) => Number(b.isWithdrawn) - Number(a.isWithdrawn) || a.usedMs - b.usedMs);
  let free = maxBytes - sum(installed);
  const remove: Installed[] = [];
  for (const one of order) {
    if (free >= needed) break;
    remove.push(one);
    free += one.bytes;
  }
  if (free >= needed) return { t: "room", remove };
  const detail = `${needed} bytes are needed and ${free} are free beside what is in use`;
  return { t: "not now", detail };
}

export function sum(installed: readonly Installed[]): number {
  return installed.reduce((total, { bytes }) => total + bytes, 0);
}
