/** Decisions about installed bundles: which one a reference names, and which ones to evict for room. Pure. */

import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { compareBundleVersions, type Manifest } from "../../common/bundle/manifest.js";
import { closest } from "../../common/closest.js";
import type { Resolved } from "../../common/settings/models.js";

export interface Installed {
  readonly manifest: Manifest;
  readonly path: string;
  readonly bytes: number;
  /** Of its files when they were verified. */
  readonly fingerprint: string;
  /** When it was installed or last held. */
  usedMs: number;
  isWithdrawn: boolean;
}

export interface Available {
  readonly installed: readonly Installed[];
  /** The product's models/. */
  readonly shipped: string;
  /** Directories in it that hold a bundle. */
  readonly shippedNames: readonly string[];
}

/**
 * Directories are not checked: they may exist for the sidecar only, which checks every bundle that it is told to load.
 *
 * @param reference a directory, NAME, or NAME@VERSION
 */
export function findBundle(
  reference: string,
  available: Available,
  board: string | undefined,
): Resolved {
  const { installed, shipped, shippedNames } = available;
  if (reference.includes("/")) {
    const path = isAbsolute(reference) ? resolve(reference) : resolve(dirname(shipped), reference);
    const known = installed.find((one) => one.path === path)?.manifest;
    const { name, version } = known ?? { name: basename(path), version: "" };
    return { t: "found", path, name, version };
  }
  const [name = "", version] = reference.split("@", 2);
  const versions = installed
    .filter((one) => one.manifest.name === name && !one.isWithdrawn)
    .sort((a, b) => compareBundleVersions(b.manifest.version, a.manifest.version));
  const wanted = versions.filter(
    ({ manifest }) => version === undefined || manifest.version === version,
  );
  const fitting = wanted.find(({ manifest }) => boardMismatch(manifest, board) === undefined);
  if (fitting !== undefined) {
    return { t: "found", path: fitting.path, name, version: fitting.manifest.version };
  }
  if (version === undefined && shippedNames.includes(name)) {
    return { t: "found", path: join(shipped, name), name, version: "" };
  }
  const mismatch = wanted[0] && boardMismatch(wanted[0].manifest, board);
  return { t: "absent", detail: mismatch ?? absence(name, version, versions, available) };
}

/** Whether a path leads into a directory, however both are written. */
export function isInside(directory: string, path: string): boolean {
  return resolve(path).startsWith(`${resolve(directory)}/`);
}

/** Why a bundle is not for this board; undefined: it is, or the kind of board is not known. */
export function boardMismatch(manifest: Manifest, board: string | undefined): string | undefined {
  const { boards } = manifest;
  if (boards.length === 0 || board === undefined || board === "") return undefined;
  if (boards.includes(board)) return undefined;
  return `${nameOf(manifest)} is for ${boards.join(", ")}, this board is ${board}`;
}

/** NAME@VERSION */
export function nameOf({ name, version }: Pick<Manifest, "name" | "version">): string {
  return `${name}@${version}`;
}

function absence(
  name: string,
  version: string | undefined,
  versions: readonly Installed[],
  { installed, shippedNames }: Available,
): string {
  if (version !== undefined && versions.length > 0) {
    const here = versions.map(({ manifest }) => manifest.version).join(", ");
    return `there is no ${name}@${version}, but version ${here}`;
  }
  if (version !== undefined && shippedNames.includes(name)) {
    return `there is no ${name}@${version}: the one that ships is ${name}, without a version`;
  }
  const names = [...new Set([...installed.map((one) => one.manifest.name), ...shippedNames])];
  const near = closest(name, names);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return `there is no model ${name}, but ${names.sort().join(", ") || "none"}${hint}`;
}

export interface DiskUse {
  readonly installed: readonly Installed[];
  /** Directories that must not be removed; undefined: not known yet, so none may be. */
  readonly held: ReadonlySet<string> | undefined;
  /** For everything together. */
  readonly maxBytes: number;
}

export type Eviction =
  /** There is room once these are removed, in this order. */
  | { readonly t: "evict"; readonly bundles: readonly Installed[] }
  | { readonly t: "too large"; readonly detail: string }
  /** While so much is held. */
  | { readonly t: "no room"; readonly detail: string };

/** Evicts withdrawn bundles first, then those that were used longest ago, and never more than necessary. */
export function planEviction(bundleBytes: number, archiveBytes: number, disk: DiskUse): Eviction {
  const { installed, held, maxBytes } = disk;
  const needed = bundleBytes + archiveBytes;
  if (needed > maxBytes) {
    const parts = bundleBytes === 0 ? "" : `, ${bundleBytes} unpacked and ${archiveBytes} packed`;
    const detail = `needs ${needed} bytes${parts}: models may take ${maxBytes} on this node`;
    return { t: "too large", detail };
  }
  const order = installed
    .filter(({ path }) => held?.has(path) === false)
    .sort((a, b) => Number(b.isWithdrawn) - Number(a.isWithdrawn) || a.usedMs - b.usedMs);
  let free = maxBytes - installed.reduce((total, { bytes }) => total + bytes, 0);
  const bundles: Installed[] = [];
  for (const one of order) {
    if (free >= needed) break;
    bundles.push(one);
    free += one.bytes;
  }
  if (free >= needed) return { t: "evict", bundles };
  const detail = `${needed} bytes are needed, and ${free} are free besides what is in use`;
  return { t: "no room", detail };
}
