// Runs containers by Docker's command line as the Horizon agent does: one network an agreement, no signal at the end.

import { execFile } from "node:child_process";
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
