import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory, until } from "../../test/support/scope.js";
import { containerProgram, devContainers } from "./container-program.js";
import { attachedArguments } from "./containers.js";
import { chooseMode } from "./mode.js";

/** Stands in for Docker's client while a container runs. */
const DOCKER = `#!/bin/sh
[ "$1" = run ] || exit 0
trap 'exit 3' TERM
echo "$SLIPSTREAM_LIFELINE $RTSPINPUT $*" >CALL.new
mv CALL.new CALL
while read -r _; do :; done
`.replaceAll("CALL", "$0.call");

const env = { RTSPINPUT: "rtsp://u:secret@camera/1", DOCKER_HUB_ID: "me", ARCH: "amd64" };

describe("make dev", () => {
  const there = { runtime: "nvidia", missing: [] };

  it("runs containers where Docker has a GPU, and processes elsewhere", () => {
    assert.deepEqual(chooseMode(undefined, there), { t: "containers" });
    for (const runtime of ["runc", undefined]) {
      assert.deepEqual(chooseMode(undefined, { runtime, missing: [] }), {
        t: "processes",
        hint: undefined,
      });
    }
  });

  it("runs processes if images are missing, and prints which", () => {
    assert.deepEqual(chooseMode("", { ...there, missing: ["me/a:1"] }), {
      t: "processes",
      hint: "for the GPU, me/a:1 is not here: make build",
    });
  });

  it("runs the requested mode, or fails with the reason", () => {
    assert.deepEqual(chooseMode("processes", there), { t: "processes", hint: undefined });
    assert.deepEqual(chooseMode("containers", { runtime: "runc", missing: [] }), {
      t: "containers",
    });
    assert.throws(() => chooseMode("containers", { runtime: "runc", missing: ["a", "b"] }), {
      message: "DEV_IN is containers, and a and b are not here: make build",
    });
    assert.throws(() => chooseMode("containers", { runtime: undefined, missing: [] }), {
      message: "DEV_IN is containers, and Docker does not answer",
    });
    assert.throws(() => chooseMode("boxes", there), { message: /DEV_IN is "boxes"; allowed/ });
  });

  it("runs the definition's containers with its volumes, without an agreement, and without a login on the command line", () => {
    const containers = devContainers(process.cwd(), env);
    assert.deepEqual(
      containers.map(({ key, image }) => [key, image.replace(/:.*/, "")]),
      [
        ["agent", "me/slipstream-agent_amd64"],
        ["sidecar", "me/slipstream-sidecar_amd64"],
      ],
    );
    for (const container of containers) {
      const args = attachedArguments(container);
      const line = args.join(" ");
      assert.match(line, /^run --interactive --rm .*--name slipstream-dev-/);
      assert.match(line, /--volume slipstream-run:\/run\/slipstream/);
      assert.doesNotMatch(line, /--detach|--restart|secret|HZN_AGREEMENTID/);
      assert.equal(args.at(-1), container.image);
      assert.equal(container.environment["RTSPINPUT"], env.RTSPINPUT);
    }
  });

  it("shows a test pattern if no camera is named", () => {
    const [agent] = devContainers(process.cwd(), { ...env, RTSPINPUT: " " });
    assert.equal(agent?.environment["RTSPINPUT"], "test://");
  });
});

describe("a program in a container", () => {
  it("is represented by Docker's client: stopped by a signal, held by its standard input", async (t) => {
    const folder = await temporaryDirectory(t);
    const program = join(folder, "docker");
    await writeFile(program, DOCKER);
    await chmod(program, 0o755);
    const [container] = devContainers(process.cwd(), env);
    assert.ok(container !== undefined);
    const agent = containerProgram({ name: "agent", log: join(folder, "log") }, container, program);
    const running = await agent.start(t.signal);
    t.after(running.kill);
    const call = await until("the client's start", 10_000, () =>
      readFile(`${program}.call`, "utf8").catch(() => false as const),
    );
    assert.match(call, /^stdin rtsp:\/\/u:secret@camera\/1 run --interactive/);
    running.terminate();
    assert.deepEqual(await running.exited, { t: "exited", code: 3 });
  });
});
