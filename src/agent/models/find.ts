/** Finds the bundle that a reference names, among those that were installed and those that ship. Pure. */

import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { compareBundleVersions, type Manifest } from "../../common/bundle/manifest.js";
import { closest } from "../../common/closest.js";
import type { Resolved } from "../../common/settings/models.js";
import type { Installed } from "./store-files.js";

export interface Places {
  readonly installed: readonly Installed[];
  /** The product's models/. */
  readonly shipped: string;
  /** Directories in it that hold a bundle. */
  readonly shippedNames: readonly string[];
}

/**
 * A directory is not looked at: it may be there for the sidecar alone, which checks every bundle that it is told to
 * load.
 */
export function findBundle(reference: string, places: Places, board: string | undefined): Resolved {
  const { installed, shipped, shippedNames } = places;
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
  const fitting = wanted.find(({ manifest }) => misfitOf(manifest, board) === undefined);
  if (fitting !== undefined) {
    return { t: "found", path: fitting.path, name, version: fitting.manifest.version };
  }
  if (version === undefined && shippedNames.includes(name)) {
    return { t: "found", path: join(shipped, name), name, version: "" };
  }
  const misfit = wanted[0] === undefined ? undefined : misfitOf(wanted[0].manifest, board);
  return { t: "absent", detail: misfit ?? absence(name, version, versions, places) };
}

/** Why a bundle is not for this board; undefined: it is, or the board is of no known kind. */
export function misfitOf(manifest: Manifest, board: string | undefined): string | undefined {
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
  { installed, shippedNames }: Places,
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
