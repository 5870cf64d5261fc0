/** The server double in its own process, so that a test can kill it: node server-process.js SOCKET [INSTANCE] */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beat, ServerDouble } from "./server-double.js";

export class ServerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Returns once the socket is there. */
  static async start(socketPath: string, instanceId = "one"): Promise<ServerProcess> {
    const script = fileURLToPath(import.meta.url);
    const child = spawn(process.execPath, [script, socketPath, instanceId], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const failed = once(child, "exit").then(() => {
      throw new Error("the server double ended before it listened");
    });
    await Promise.race([once(child.stdout, "data"), failed]);
    failed.catch(() => {}); // later, tests end it on purpose
    return new ServerProcess(child);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Stops the process without ending it: it accepts and never answers. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }
}

/** A sidecar that accepts every specification and serves its output. */
async function serve(socketPath: string, instanceId: string): Promise<void> {
  let generation = "";
  const server = new ServerDouble(
    {
      apply: ({ request }, done) => {
        generation = request.generation;
        done(null, { generation, accepted: true, problems: [], changes: [] });
      },
      watch: (call) =>
        beat(call, () => ({
          generation,
          pipeline: { since: undefined, state: { $case: "running", value: {} } },
          outputs: [
            {
              id: "rtsp",
              cameraId: "",
              since: undefined,
              port: 8554,
              path: "/ds",
              viewers: 0,
              frames: 1n,
              framesDropped: 0n,
              encodingLatency: undefined,
              state: { $case: "serving", value: {} },
            },
          ],
        })),
    },
    instanceId,
  );
  await rm(socketPath, { force: true }); // a killed process leaves it behind
  await server.listen(socketPath);
  process.stdout.write("listening\n");
  // Ends with the test's end of the pipe, so that no orphan is left.
  process.stdin.on("end", () => process.exit());
  process.stdin.resume();
}

const [, script, socketPath, instanceId] = process.argv;
if (import.meta.url === pathToFileURL(script ?? "").href && socketPath !== undefined) {
  await serve(socketPath, instanceId ?? "one");
}
