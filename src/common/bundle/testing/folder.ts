/** Temporary folders for tests. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** Removed after the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "models-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Everything below a directory, sorted. */
export function listing(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}
