// Runs containers by Docker's command line as the Horizon agent does: one network an agreement, no signal at the end.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { type Container, runArguments } from "./containers.js";

const exec = promisify(execFile);

/** Runs Docker's command line and returns what it says. Rejects with what it says on failure. */
export async function docker(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const program = process.env["DOCKER"] || "docker";
  const { stdout } = await exec(program, args, { env: { ...process.env, ...environment } });
  return stdout.trim();
}

/** Runs Docker's command line where its progress is seen. */
export async function dockerInTerminal(args: readonly string[]): Promise<void> {
  const child = spawn(process.env["DOCKER"] || "docker", args, { stdio: "inherit" });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`docker ${args.join(" ")} ended with ${code}`);
}

/** Starts the containers of an agreement, which are not there yet. */
export async function start(network: string, containers: readonly Container[]): Promise<void> {
  await docker(["network", "create", network]);
  for (const container of containers) {
    await docker(runArguments(container), container.environment);
  }
}

/** Removes them, if they are there; volumes stay. */
export async function stop(network: string, names: readonly string[]): Promise<void> {
  await docker(["rm", "--force", "--volumes", ...names]);
  await docker(["network", "rm", network]).catch(() => {}); // It was not there.
}
