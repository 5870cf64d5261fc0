/** Runs the containers of an agreement as the Horizon agent does: one network for each agreement, no signal at the end. */

import { docker } from "../common/docker.js";
import { type Container, runArguments } from "./containers.js";

/** Starts the containers, none of which exists yet. */
export async function start(network: string, containers: readonly Container[]): Promise<void> {
  await docker(["network", "create", network]);
  for (const container of containers) {
    await docker(runArguments(container), container.environment);
  }
}

/** Removes the containers that exist and their network. Volumes stay. */
export async function stop(network: string, names: readonly string[]): Promise<void> {
  await docker(["rm", "--force", "--volumes", ...names]);
  await docker(["network", "rm", network]).catch(() => {}); // It was not there.
}
