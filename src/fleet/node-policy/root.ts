/** Files of a node whose file system is mounted at a directory: links in it lead to places in it, absolute ones too. */

import { readlink } from "node:fs/promises";
import { dirname, join, sep } from "node:path";

/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * Where a path of the node lies here. What is not there, or cannot be looked at, stands for itself.
 *
 * @param root the directory at which the node's file system is mounted
 * @param path of the node, from its own root
 */
export async function placeIn(root: string, path: string): Promise<string> {
  if (root === sep) return join(sep, path);
  let links = 0;
  let done: string = sep;
  const left = partsOf(path);
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    const next = part === ".." ? dirname(done) : join(done, part);
    const target =
      part === ".." || links > MAX_LINKS
        ? undefined
        : await readlink(join(root, next)).catch(() => undefined);
    if (target === undefined) done = next;
    else {
      links++;
      if (target.startsWith(sep)) done = sep;
      left.unshift(...partsOf(target));
    }
  }
  return join(root, done);
}

function partsOf(path: string): string[] {
  return path.split(sep).filter((part) => part !== "" && part !== ".");
}
