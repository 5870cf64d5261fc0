import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { askAgent } from "../src/common/api/client.js";
import { type Readiness, stateSchema } from "../src/common/api/schema.js";
import { PICTURE_TIMEOUT_MS, startPicture } from "./support/product.js";
import { until } from "./support/scope.js";

const exec = promisify(execFile);
const never = new AbortController().signal;

describe("a running product", () => {
  it("tells health, metrics and state, gives a snapshot, and says when a camera's frames stop", async (t) => {
    const { runDir, sidecar } = await startPicture(t, { RTSPINPUT: "front=test://" });
    const at = join(runDir, "agent/agent.sock");
    const get = async (path: string) => {
      const { status, body } = await askAgent({ at }, path, never);
      return { status, text: body.toString() };
    };
    const readiness = async () => JSON.parse((await get("/readyz")).text) as Readiness;
    await until("frames flow", PICTURE_TIMEOUT_MS, async () => (await readiness()).ready);

    // Counters come with the next state.
    const metrics = await until("a latency of both stages", PICTURE_TIMEOUT_MS, async () => {
      const { text } = await get("/metrics");
      const stages = [
        /latency_seconds_count\{camera="front".* [1-9]/,
        /output_latency_seconds_count\{.* [1-9]/,
      ];
      return stages.every((stage) => stage.test(text)) ? text : undefined;
    });
    for (const name of ["agent", "keeper", "worker", "outlet"]) {
      const memory = new RegExp(
        `^slipstream_process_resident_memory_bytes\\{process="${name}"\\} \\d{7,}$`,
        "m",
      );
      assert.match(metrics, memory);
    }
    assert.match(metrics, /^slipstream_camera_state\{camera="front",state="live"\} 1$/m);

    const state = stateSchema.parse(JSON.parse((await get("/api/v1/state")).text));
    assert.deepEqual([state.sidecar.engine, state.pipeline.state], ["cpu", "running"]);

    const cli = (...args: string[]) =>
      exec(process.execPath, ["dist/src/cli/main.js", ...args, "--agent", at]);
    const file = join(runDir, "frame.jpg");
    await cli("snapshot", file);
    assert.deepEqual([...(await readFile(file)).subarray(0, 3)], [0xff, 0xd8, 0xff]);
    assert.match(
      (await cli("status")).stdout,
      /^READY: frames flow\n.*\n\nCAMERA .*\nfront +live /m,
    );

    sidecar.signal("SIGTERM");
    await until("no frames flow", PICTURE_TIMEOUT_MS, async () => !(await readiness()).ready);
    const [reason] = (await readiness()).reasons;
    assert.equal(reason?.subject, "sidecar");
    await assert.rejects(cli("status", "--quiet"), { code: 1 });
  });
});
