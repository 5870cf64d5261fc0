import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory, until } from "../../test/support/scope.js";
import { view } from "../../test/support/video.js";
import type { RunningHalf } from "./half.js";
import * as halves from "./halves.js";

async function place(t: TestContext): Promise<halves.Place> {
  const directory = await temporaryDirectory(t);
  return { root: process.cwd(), runDir: directory, logDir: directory, env: process.env };
}

function killAfterwards(t: TestContext, running: RunningHalf): void {
  t.after(async () => {
    running.kill();
    await running.ended;
  });
}

describe("the demo camera", () => {
  it("plays at the address that it gives, and at the same one when it is started again", async (t) => {
    const { half, address } = halves.demoCamera(await place(t));
    const first = await half.start(t.signal);
    killAfterwards(t, first);
    const uri = await address;
    const [seen] = await view(t, uri, { frames: 1 });
    assert.deepEqual([seen?.width, seen?.height], [1280, 720]);
    first.kill();
    assert.deepEqual(await first.ended, { t: "killed", signal: "SIGKILL" });

    killAfterwards(t, await half.start(t.signal));
    const again = await until("the camera's return", 10_000, () =>
      view(t, uri, { frames: 1 }).catch(() => false as const),
    );
    assert.equal(again.length, 1);
  });
});

describe("the sidecar", () => {
  it("is the shipped one, or the same on stand-ins where SLIPSTREAM_STANDINS describes some", async (t) => {
    const here = await place(t);
    const start = (standIns: string) => {
      const { args, env } = halves.sidecarCommand({
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
  it("waits for the demo camera's address no longer than until it is told to stop", async (t) => {
    const never = new Promise<string>(() => {});
    const stop = new AbortController();
    const starting = halves.agent(await place(t), never).start(stop.signal);
    stop.abort(new Error("told to stop"));
    await assert.rejects(starting, /told to stop/);
  });
});
