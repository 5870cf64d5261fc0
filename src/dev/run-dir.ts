/** The directory of the sockets between agent and sidecar: a new one for each run. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The address of a Unix socket has at most 108 bytes, including its end; this leaves room for the longest socket name. */
const MAX_LENGTH = 80;
const UNIQUE = "slipstream-XXXXXX";

/** A new directory in the system's temporary directory, or in /tmp if that has too long a name. */
export function makeRunDir(temporary: string = tmpdir()): Promise<string> {
  const fits = Buffer.byteLength(join(temporary, UNIQUE)) <= MAX_LENGTH;
  return mkdtemp(join(fits ? temporary : "/tmp", UNIQUE.replace(/X+$/, "")));
}

export async function removeRunDir(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
