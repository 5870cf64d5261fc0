/** Files that are whole and on the disk when a call returns, whenever the process or the power ends. */

import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes the names in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A reader sees the old content or the new one, never a part. What a killed process leaves ends in `.new`. */
export async function writeDurably(path: string, content: string, mode: number): Promise<void> {
  const fresh = `${path}.${randomUUID()}.new`;
  try {
    const handle = await open(fresh, "wx", mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
  await syncDirectory(dirname(path));
}
