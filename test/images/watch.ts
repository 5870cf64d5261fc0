// Watches a stream with the viewer of the end-to-end tests.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** Watches until enough frames are decoded, and returns their number. */
export async function watch(url: string, frames: number): Promise<number> {
  const args = ["test/support/viewer.py", url, "--frames", String(frames), "--patience", "60"];
  const { stdout } = await exec(".venv/bin/python", args, {
    env: { ...process.env, PYTHONPATH: "src:src/sidecar/gen" },
  });
  return stdout.trim().split("\n").length;
}
