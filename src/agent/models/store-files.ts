/** What lies in the directory of a store: bundles, marks of those that were withdrawn, and what was left half done. */

import type { Dirent } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  bytesOf,
  CONFIG,
  MANIFEST,
  type Manifest,
  parseManifest,
} from "../../common/bundle/manifest.js";
import { syncDirectory } from "../../common/files/durable.js";

/** Directories of the store's own begin with a dot, and no bundle's name does. */
export const INCOMING = ".incoming-";
export const WITHDRAWN = ".withdrawn";

export interface Installed {
  readonly manifest: Manifest;
  readonly path: string;
  readonly bytes: number;
  /** When it was installed or last held. */
  usedMs: number;
  isWithdrawn: boolean;
}

export interface StoreReading {
  readonly installed: readonly Installed[];
  /** Directories that look like bundles and are none. They stay as they are. */
  readonly unreadable: readonly Unreadable[];
}

export interface Unreadable {
  /** NAME@VERSION as the directories are called. */
  readonly bundle: string;
  readonly path: string;
  readonly detail: string;
}

export function withdrawnMark(directory: string, bundle: string): string {
  return join(directory, WITHDRAWN, bundle);
}

/** Removes what a killed process has left half done, and reads the rest. */
export async function readStore(directory: string): Promise<StoreReading> {
  const names = await readdir(directory);
  const leftovers = names.filter((name) => name.startsWith(INCOMING));
  for (const name of leftovers) await rm(join(directory, name), { recursive: true, force: true });
  if (leftovers.length > 0) await syncDirectory(directory);
  const withdrawn = new Set(await namesIn(join(directory, WITHDRAWN)));
  const installed: Installed[] = [];
  const unreadable: Unreadable[] = [];
  for (const name of names.filter((one) => !one.startsWith("."))) {
    for (const version of await directoriesIn(join(directory, name))) {
      const path = join(directory, name, version);
      try {
        installed.push(await readInstalled(path, name, version, withdrawn));
      } catch (reason) {
        // One damaged bundle must not keep the others from being found.
        const detail = reason instanceof Error ? reason.message : String(reason);
        unreadable.push({ bundle: `${name}@${version}`, path, detail });
      }
    }
  }
  return { installed, unreadable };
}

async function readInstalled(
  path: string,
  name: string,
  version: string,
  withdrawn: ReadonlySet<string>,
): Promise<Installed> {
  const bytes = await readFile(join(path, MANIFEST));
  const manifest = parseManifest(bytes);
  if (manifest.name !== name || manifest.version !== version) {
    throw new Error(`it says that it is ${manifest.name}@${manifest.version}`);
  }
  const { mtimeMs } = await stat(path);
  return {
    manifest,
    path,
    bytes: bytesOf(manifest) + bytes.length,
    usedMs: mtimeMs,
    isWithdrawn: withdrawn.has(`${name}@${version}`),
  };
}

/** Names of the directories in `models/` that hold a bundle. */
export async function shippedNames(directory: string): Promise<string[]> {
  const names = await directoriesIn(directory);
  const held = await Promise.all(
    names.map((name) =>
      stat(join(directory, name, CONFIG)).then(
        (found) => found.isFile(),
        () => false,
      ),
    ),
  );
  return names.filter((_, i) => held[i]);
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(orNothing);
}

async function directoriesIn(directory: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(directory, { withFileTypes: true }).catch(orNothing);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** A directory that is not there holds nothing. */
function orNothing(reason: NodeJS.ErrnoException): [] {
  if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return [];
  throw reason;
}
