// The directory in which the halves meet: fresh for each start, gone at the end.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The address of a Unix socket holds 108 bytes with its end; what is left here is for the longest name of a socket. */
const LONGEST_RUN_DIR = 80;
const UNIQUE = "slipstream-XXXXXX";

/** A fresh directory under the system's temporary directory, or under /tmp where that has too long a name. */
export function makeRunDir(temporary: string = tmpdir()): Promise<string> {
  const fits = Buffer.byteLength(join(temporary, UNIQUE)) <= LONGEST_RUN_DIR;
  return mkdtemp(join(fits ? temporary : "/tmp", UNIQUE.replace(/X+$/, "")));
}

/** Removes it with all that is in it. */
export async function removeRunDir(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
