import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { socketDirectory } from "./sidecar/testing/server-double.js";
import { ServerProcess } from "./sidecar/testing/server-process.js";

const script = fileURLToPath(new URL("./main.js", import.meta.url));

/** The agent as a process, and what it prints. */
class Agent {
  readonly child: ChildProcess;
  readonly printed: string[] = [];
  readonly exited: Promise<unknown[]>;
  readonly #lines: AsyncIterator<string>;

  constructor(env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [script], { env, stdio: ["pipe", "pipe", "inherit"] });
    this.child = child;
    this.exited = once(child, "exit");
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** The next line with this message; fails if the agent ends without it. */
  async line(message: string): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      assert.ok(
        done !== true,
        `the agent ended without "${message}"; it said:\n${this.printed.join("\n")}`,
      );
      this.printed.push(value);
      const line = JSON.parse(value);
      if (line.message === message) return line;
    }
  }
}

describe("the agent", { timeout: 20_000 }, () => {
  let directory: Awaited<ReturnType<typeof socketDirectory>>;
  let env: Readonly<Record<string, string>>;
  let agents: Agent[];
  let sidecars: ServerProcess[];

  beforeEach(async () => {
    directory = await socketDirectory();
    const socketPath = join(directory.path, "worker.sock");
    env = {
      RTSPINPUT: "rtsp://u:hunter2@cam/1",
      SLIPSTREAM_SOCKET: socketPath,
      STATE_DIR: join(directory.path, "agent"),
      MODELS_DIR: join(directory.path, "models"),
      SECRETS_DIR: join(directory.path, "secrets"),
      HTTP_ADDRESS: "off",
      LOG_LEVEL: "debug",
    };
    agents = [];
    sidecars = [];
  });

  afterEach(async () => {
    for (const agent of agents) {
      agent.child.kill("SIGKILL");
      await agent.exited;
    }
    for (const sidecar of sidecars) sidecar.kill();
    await directory.remove();
  });

  function start(more: Readonly<Record<string, string>> = {}): Agent {
    const agent = new Agent({ ...env, ...more });
    agents.push(agent);
    return agent;
  }

  async function serve(instanceId: string): Promise<ServerProcess> {
    const sidecar = await ServerProcess.start(env["SLIPSTREAM_SOCKET"] ?? "", instanceId);
    sidecars.push(sidecar);
    return sidecar;
  }

  it("waits for a sidecar, and logs when the output is ready", async () => {
    const agent = start();
    await agent.line("waiting for the sidecar");
    await serve("one");
    await agent.line("sidecar connected");
    assert.equal((await agent.line("output ready"))["url"], "rtsp://127.0.0.1:8554/ds");
    assert.doesNotMatch(agent.printed.join("\n"), /hunter2/);
  });

  it("finds the sidecar that takes the place of a killed one", async () => {
    const first = await serve("one");
    const agent = start();
    await agent.line("output ready");
    first.kill();
    await agent.line("sidecar disconnected");
    await serve("two");
    await agent.line("output ready");
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`stops at ${signal}, while it watches and while it waits`, async () => {
      await serve("one");
      const watching = start();
      await watching.line("output ready");
      const waiting = start({ SLIPSTREAM_SOCKET: `${env["SLIPSTREAM_SOCKET"]}.none` });
      await waiting.line("waiting for the sidecar");
      for (const agent of [watching, waiting]) {
        agent.child.kill(signal);
        assert.deepEqual(await agent.exited, [0, null]);
      }
    });
  }

  it("outlives the reader of its output", async () => {
    const agent = start();
    await agent.line("waiting for the sidecar");
    const { stdout } = agent.child;
    assert.ok(stdout !== null);
    const closed = once(stdout, "close");
    stdout.destroy();
    await closed;
    // It logs that it stops, to nobody.
    agent.child.kill("SIGTERM");
    assert.deepEqual(await agent.exited, [0, null]);
  });

  it("stops when its lifeline ends", async () => {
    const agent = start({ SLIPSTREAM_LIFELINE: "stdin" });
    await agent.line("waiting for the sidecar");
    agent.child.stdin?.end();
    assert.deepEqual(await agent.exited, [0, null]);
  });

  it("goes on without standard input when that is no lifeline", async () => {
    const agent = start();
    agent.child.stdin?.end();
    await agent.line("waiting for the sidecar");
    await serve("one");
    await agent.line("output ready");
  });

  it("refuses a wrong configuration with exit code 78, after every fault", async () => {
    const agent = start({ CODEC: "VP9", BITRATE: "fast", RTSPINPUT: "rstp://u:hunter2@cam/1" });
    const details: unknown[] = [];
    for (let fault = 0; fault < 3; fault++)
      details.push((await agent.line("setting refused"))["detail"]);
    assert.deepEqual(await agent.exited, [78, null]);
    const settings = details.map((detail) => String(detail).split(": ")[1]);
    assert.deepEqual(settings, ["RTSPINPUT", "CODEC", "BITRATE"]);
    assert.doesNotMatch(agent.printed.join("\n"), /hunter2/);
  });
});
