// Docker's command line.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { environment } from "./environment.js";

const exec = promisify(execFile);

/** Runs Docker's command line and returns what it says. Rejects with what it says on failure. */
export async function docker(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const program = environment["DOCKER"] || "docker";
  const { stdout } = await exec(program, args, { env: { ...environment, ...more } });
  return stdout.trim();
}

/** Runs Docker's command line where its progress is seen. */
export async function dockerInTerminal(args: readonly string[]): Promise<void> {
  const child = spawn(environment["DOCKER"] || "docker", args, { stdio: "inherit" });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`docker ${args.join(" ")} ended with ${code}`);
}
