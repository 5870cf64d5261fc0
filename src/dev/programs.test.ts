import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory, until } from "../../test/support/scope.js";
import { view } from "../../test/support/video.js";
import type { RunningProgram } from "./program.js";
import { agent, demoCamera, sidecarCommand, type Workspace } from "./programs.js";

async function workspace(t: TestContext): Promise<Workspace> {
  const directory = await temporaryDirectory(t);
  return { root: process.cwd(), runDir: directory, logDir: directory, env: process.env };
}

function killAfterwards(t: TestContext, running: RunningProgram): void {
  t.after(async () => {
    running.kill();
    await running.exited;
  });
}

describe("the demo camera", () => {
  it("plays at its address, and at the same one after a restart", async (t) => {
    const { camera, address } = demoCamera(await workspace(t));
    const first = await camera.start(t.signal);
    killAfterwards(t, first);
    const uri = await address;
    const [seen] = await view(t, uri, { frames: 1 });
    assert.deepEqual([seen?.width, seen?.height], [1280, 720]);
    first.kill();
    assert.deepEqual(await first.exited, { t: "killed", signal: "SIGKILL" });

    killAfterwards(t, await camera.start(t.signal));
    const again = await until("the camera's return", 10_000, () =>
      view(t, uri, { frames: 1 }).catch(() => false as const),
    );
    assert.equal(again.length, 1);
  });
});

describe("the sidecar", () => {
  it("is the shipped one, or runs on the stand-ins that SLIPSTREAM_STANDINS describes", async (t) => {
    const here = await workspace(t);
    const start = (standIns: string) => {
      const { args, env } = sidecarCommand({
        ...here,
        env: { SLIPSTREAM_STANDINS: standIns },
      });
      return {
        module: args[1],
        onStandIns: env["PYTHONPATH"]?.split(":").includes(`${here.root}/test`),
      };
    };
    assert.deepEqual(start(""), { module: "sidecar.keeper", onStandIns: false });
    assert.deepEqual(start("7.1/dgpu"), { module: "standins.keeper", onStandIns: true });
  });
});

describe("the agent", () => {
  it("stops waiting for the demo camera's address when it is told to stop", async (t) => {
    const never = new Promise<string>(() => {});
    const stop = new AbortController();
    const starting = agent(await workspace(t), never).start(stop.signal);
    stop.abort(new Error("told to stop"));
    await assert.rejects(starting, /told to stop/);
  });
});
