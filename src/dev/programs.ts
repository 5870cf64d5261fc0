/** The programs of a developer's machine: sidecar, agent and demo camera, with their commands and environments. */

import { join } from "node:path";
import { type Command, type Program, processProgram } from "./program.js";
import { aborted } from "./supervisor.js";

export interface Workspace {
  /** The repository's root. */
  readonly root: string;
  /** Directory of the sockets between agent and sidecar. */
  readonly runDir: string;
  /** Directory of the logs that do not go to the terminal. */
  readonly logDir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The keeper, which starts outlet and worker. */
export function sidecar(workspace: Workspace): Program {
  const command = sidecarCommand(workspace);
  return processProgram(command, () => command);
}

/** Runs engine cpu, or the stand-ins for NVIDIA's elements that SLIPSTREAM_STANDINS describes. */
export function sidecarCommand({ root, runDir, logDir, env }: Workspace): Command {
  const onStandIns = Boolean(env["SLIPSTREAM_STANDINS"]?.trim());
  const paths = ["src", "src/sidecar/gen", ...(onStandIns ? ["test"] : [])];
  return {
    name: "sidecar",
    log: join(logDir, "sidecar.log"),
    program: join(root, ".venv/bin/python"),
    args: ["-m", onStandIns ? "standins.keeper" : "sidecar.keeper"],
    cwd: root,
    env: {
      SLIPSTREAM_RECORDINGS_DIR: join(logDir, "recordings"),
      ...env,
      PYTHONPATH: paths.map((path) => join(root, path)).join(":"),
      SLIPSTREAM_RUN_DIR: runDir,
    },
  };
}

/**
 * The agent, which writes to the terminal.
 *
 * @param demo address of the demo camera, if it is to be watched
 */
export function agent({ root, runDir, env }: Workspace, demo?: Promise<string>): Program {
  const program = { name: "agent" };
  return processProgram(program, async (signal) => {
    const address = demo && (await Promise.race([demo, aborted(signal)]));
    signal.throwIfAborted();
    return {
      ...program,
      program: process.execPath,
      args: [
        "--enable-source-maps",
        "--max-semi-space-size=1",
        join(root, "dist/src/agent/main.js"),
      ],
      cwd: root,
      env: {
        // Nothing outlives a run on a developer's machine, unless the user asks for it.
        STATE_DIR: join(runDir, "agent"),
        MODELS_DIR: join(runDir, "models"),
        SECRETS_DIR: join(runDir, "secrets"),
        ...env,
        SLIPSTREAM_SOCKET: join(runDir, "worker.sock"),
        ...(demo === undefined ? {} : { RTSPINPUT: `demo=${address}` }),
      },
    };
  });
}

/** The demo camera, and its address once it listens. After a restart it has the same address. */
export function demoCamera({ root, logDir, env }: Workspace): {
  camera: Program;
  address: Promise<string>;
} {
  const program = { name: "demo camera", log: join(logDir, "camera.log") };
  let port = "0";
  let listening: (address: string) => void;
  const address = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const camera = processProgram(program, () => ({
    ...program,
    program: join(root, ".venv/bin/python"),
    args: ["-m", "dev.camera", "--port", port],
    cwd: root,
    env: { ...env, PYTHONPATH: join(root, "src") },
    onLine: (line) => {
      // {"address": "rtsp://127.0.0.1:40123/demo"}
      const uri = /^\{"address": "(rtsp:[^"]+)"\}$/.exec(line)?.[1];
      if (uri === undefined) return;
      port = new URL(uri).port;
      listening(uri);
    },
  }));
  return { camera, address };
}
