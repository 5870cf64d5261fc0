// What the halves are on a developer's machine: their commands and their environment.
import { join } from "node:path";
import type { Half } from "./half.js";
import { type Command, processHalf } from "./process-half.js";

/** Where things are, and what the user has set. */
export interface Place {
  /** The repository's root. */
  readonly root: string;
  /** Where the halves meet: the directory of their sockets. */
  readonly runDir: string;
  /** The directory of the logs that do not go to the terminal. */
  readonly logDir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The keeper, and with it the outlet and the worker. */
export function sidecar(place: Place): Half {
  const command = sidecarCommand(place);
  return processHalf(command, () => command);
}

/** With engine cpu, or on the stand-ins for NVIDIA's elements that SLIPSTREAM_STANDINS describes. */
export function sidecarCommand({ root, runDir, logDir, env }: Place): Command {
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
 * The agent. It writes to the terminal.
 *
 * @param demo the address of the demo camera, to be watched because the user has named none
 */
export function agent({ root, runDir, env }: Place, demo?: Promise<string>): Half {
  const facts = { name: "agent" };
  return processHalf(facts, async (signal) => ({
    ...facts,
    program: process.execPath,
    args: ["--enable-source-maps", join(root, "dist/src/agent/main.js")],
    cwd: root,
    env: {
      // Nothing outlives a run on a developer's machine, unless asked for.
      STATE_DIR: join(runDir, "agent"),
      MODELS_DIR: join(runDir, "models"),
      SECRETS_DIR: join(runDir, "secrets"),
      ...env,
      SLIPSTREAM_SOCKET: join(runDir, "worker.sock"),
      ...(demo === undefined ? {} : { RTSPINPUT: `demo=${await unlessAborted(demo, signal)}` }),
    },
  }));
}

/** The demo camera, and its address once it listens. A camera that is started again keeps its address. */
export function demoCamera({ root, logDir, env }: Place): { half: Half; address: Promise<string> } {
  const facts = { name: "demo camera", log: join(logDir, "camera.log") };
  let port = "0";
  let listening: (address: string) => void;
  const address = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const half = processHalf(facts, () => ({
    ...facts,
    program: join(root, ".venv/bin/python"),
    args: ["-m", "dev.camera", "--port", port],
    cwd: root,
    env: { ...env, PYTHONPATH: join(root, "src") },
    onLine: (line) => {
      const uri = addressIn(line);
      if (uri === undefined) return;
      port = new URL(uri).port;
      listening(uri);
    },
  }));
  return { half, address };
}

/** The address in the line that the camera says when it listens: {"address": "rtsp://127.0.0.1:40123/demo"}. */
function addressIn(line: string): string | undefined {
  return /^\{"address": "(rtsp:[^"]+)"\}$/.exec(line)?.[1];
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    promise
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort))
      // Only finally's own copy of the outcome, which is handled above.
      .catch(() => {});
  });
}
