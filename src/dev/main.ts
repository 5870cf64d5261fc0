/** `make dev`: runs agent and sidecar on this machine until Ctrl-C, with a demo camera if RTSPINPUT names none. */

import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { environment } from "../common/environment.js";
import { containerPrograms, devContainers, withNetwork } from "./container-program.js";
import { chooseMode, inspectDocker, ModeError } from "./mode.js";
import { agent, demoCamera, sidecar } from "./programs.js";
import { makeRunDir, removeRunDir } from "./run-dir.js";
import { stopSignals, supervise } from "./supervisor.js";

async function main(): Promise<number> {
  const signals = stopSignals();
  const print = (line: string) => console.error(`dev: ${line}`);

  // dist/src/dev/main.js
  const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
  const logDir = join(root, "build/dev");
  await mkdir(logDir, { recursive: true });
  const isCameraNamed = Boolean(environment["RTSPINPUT"]?.trim());
  const containers = devContainers(root, environment);
  const requested = environment["DEV_IN"];
  const mode = chooseMode(requested, await inspectDocker(requested, containers));
  if (mode.t === "containers") {
    print("running containers, as Horizon does; DEV_IN=processes runs processes");
    if (!isCameraNamed) print("RTSPINPUT names no camera; showing a test pattern");
    const programs = containerPrograms(containers, logDir);
    const agentName = containers.find(({ key }) => key === "agent")?.name;
    print(`what it does now: docker exec ${agentName} slipstream status`);
    return withNetwork(containers, () => supervise({ programs, ...signals, print }));
  }
  if (mode.hint !== undefined) print(mode.hint);

  const runDir = await makeRunDir();
  try {
    const workspace = { root, runDir, logDir, env: environment };
    const demo = isCameraNamed ? undefined : demoCamera(workspace);
    void demo?.address.then((uri) =>
      print(`RTSPINPUT names no camera; a demo camera plays at ${uri}`),
    );
    print(
      `what it does now: node dist/src/cli/main.js status --agent ${join(runDir, "agent/agent.sock")}`,
    );
    const programs = [sidecar(workspace), agent(workspace, demo?.address)];
    if (demo !== undefined) programs.unshift(demo.camera);
    return await supervise({ programs, ...signals, print });
  } finally {
    await removeRunDir(runDir);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof ModeError)) throw error;
  console.error(`dev: ${error.message}`);
  process.exitCode = 1;
}
