/** The programs of `make dev` as containers of the service definition, for the GPU. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { docker } from "../common/docker.js";
import { environment } from "../common/environment.js";
import { parseDocument } from "../common/json/document.js";
import { projectVariables } from "../common/json/variables.js";
import { attachedArguments, type Container, containersOf } from "./containers.js";
import { type Program, processProgram } from "./program.js";

const NETWORK = "slipstream-dev";

/** The definition's containers as Horizon would run them, but under no agreement: nobody would replace a failed version. */
export function devContainers(root: string, env: NodeJS.ProcessEnv): Container[] {
  const file = join(root, "service.definition.json");
  const hub = env["DOCKER_HUB_ID"];
  const lookup = projectVariables(file, {
    HZN_ORG_ID: "local",
    ...(hub ? { DOCKER_IMAGE_BASE: `${hub}/slipstream` } : {}),
    ...env,
  });
  const { value } = parseDocument(file, readFileSync(file, "utf8"), lookup);
  const inputs = {
    ...env,
    RTSPINPUT: env["RTSPINPUT"]?.trim() ? env["RTSPINPUT"] : "test://",
    LOG_FORMAT: env["LOG_FORMAT"] || (process.stdout.isTTY ? "text" : "auto"),
  };
  const agreement = { id: NETWORK, arch: lookup("ARCH") ?? "", inputs };
  return containersOf(value, agreement).map((container) => {
    const { HZN_AGREEMENTID: _, ...environment } = container.environment;
    return { ...container, environment };
  });
}

/** The sidecar first, as with processes. */
export function containerPrograms(containers: readonly Container[], logDir: string): Program[] {
  return [...containers]
    .sort((a, b) => b.key.localeCompare(a.key))
    .map((container) => {
      const { key: name } = container;
      const log = name === "agent" ? {} : { log: join(logDir, `${name}.log`) };
      return containerProgram({ name, ...log }, container, dockerProgram());
    });
}

/**
 * A container, represented by Docker's client, which passes on SIGTERM and exits with it.
 *
 * @param client path of Docker's client
 */
export function containerProgram(
  program: Pick<Program, "name" | "log">,
  container: Container,
  client: string,
): Program {
  const attached = processProgram(program, async () => {
    await remove(container, client); // a killed supervisor may have left it
    const env = { ...environment, ...container.environment };
    return { ...program, program: client, args: attachedArguments(container), cwd: "/", env };
  });
  return {
    ...program,
    start: async (signal) => {
      const running = await attached.start(signal);
      const kill = () => {
        running.kill();
        void remove(container, client);
      };
      return { ...running, kill };
    },
  };
}

/** Creates the containers' network for `work`. Afterwards only the volumes are left. */
export async function withNetwork<T>(
  containers: readonly Container[],
  work: () => Promise<T>,
): Promise<T> {
  const cleanUp = async () => {
    await Promise.all(containers.map((container) => remove(container, dockerProgram())));
    await docker(["network", "rm", NETWORK]).catch(() => {}); // there was none
  };
  await cleanUp(); // after a killed supervisor
  await docker(["network", "create", NETWORK]);
  try {
    return await work();
  } finally {
    await cleanUp();
  }
}

/** Removes the container if it exists. */
function remove({ name }: Container, client: string): Promise<void> {
  return new Promise((resolve) => {
    execFile(client, ["rm", "--force", "--volumes", name], () => resolve());
  });
}

function dockerProgram(): string {
  return environment["DOCKER"] || "docker";
}
