/** The directory of a store: bundles, marks of withdrawn ones, and what a killed process left unfinished. */

import type { Dirent } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { bytesOf, CONFIG } from "../../common/bundle/manifest.js";
import type { Trust } from "../../common/bundle/signature.js";
import { syncDirectory } from "../../common/files/durable.js";
import type { Installed } from "./bundles.js";
import { verifyInstalled } from "./verify.js";

/** The store's own directories begin with a dot, which no bundle's name does. */
export const INCOMING = ".incoming-";
export const WITHDRAWN = ".withdrawn";

export interface StoreContent {
  readonly installed: readonly Installed[];
  /** Directories that look like bundles but are not. They are left alone. */
  readonly unreadable: readonly {
    /** NAME@VERSION, by the directories' names. */
    readonly bundle: string;
    readonly path: string;
    readonly detail: string;
  }[];
}

export function withdrawnMark(directory: string, bundle: string): string {
  return join(directory, WITHDRAWN, bundle);
}

/** Reads the store after removing what a killed process left unfinished. */
export async function readStore(directory: string, trust: Trust): Promise<StoreContent> {
  const names = await readdir(directory);
  const leftovers = names.filter((name) => name.startsWith(INCOMING));
  for (const name of leftovers) await rm(join(directory, name), { recursive: true, force: true });
  if (leftovers.length > 0) await syncDirectory(directory);
  const withdrawn = new Set(await readdir(join(directory, WITHDRAWN)).catch(emptyIfAbsent));
  const installed: Installed[] = [];
  const unreadable: StoreContent["unreadable"][number][] = [];
  for (const name of names.filter((one) => !one.startsWith("."))) {
    for (const version of await directoriesIn(join(directory, name))) {
      const path = join(directory, name, version);
      const bundle = `${name}@${version}`;
      try {
        installed.push(await readInstalled(path, bundle, withdrawn.has(bundle), trust));
      } catch (reason) {
        // One damaged bundle must not hide the others.
        const detail = reason instanceof Error ? reason.message : String(reason);
        unreadable.push({ bundle, path, detail });
      }
    }
  }
  return { installed, unreadable };
}

async function readInstalled(
  path: string,
  bundle: string,
  isWithdrawn: boolean,
  trust: Trust,
): Promise<Installed> {
  const { manifest, manifestBytes, fingerprint } = await verifyInstalled(path, trust);
  const actual = `${manifest.name}@${manifest.version}`;
  if (actual !== bundle) throw new Error(`its manifest says that it is ${actual}`);
  const { mtimeMs: usedMs } = await stat(path);
  const bytes = bytesOf(manifest) + manifestBytes;
  return { manifest, path, bytes, fingerprint, usedMs, isWithdrawn };
}

/** Names of the directories in the product's models/ that hold a bundle. */
export async function shippedNames(directory: string): Promise<string[]> {
  const names = await directoriesIn(directory);
  const isBundle = await Promise.all(
    names.map((name) =>
      stat(join(directory, name, CONFIG)).then(
        (stats) => stats.isFile(),
        () => false,
      ),
    ),
  );
  return names.filter((_, i) => isBundle[i]);
}

async function directoriesIn(directory: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(directory, { withFileTypes: true }).catch(emptyIfAbsent);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function emptyIfAbsent(reason: NodeJS.ErrnoException): [] {
  if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return [];
  throw reason;
}
