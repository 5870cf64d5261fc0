import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory, until } from "../../test/support/scope.js";
import { attached, containerHalf } from "./container-half.js";
import { containersHere, wayOf } from "./in-containers.js";

/** Docker's client, while a container runs. */
const DOCKER = `#!/bin/sh
[ "$1" = run ] || exit 0
trap 'exit 3' TERM
echo "$SLIPSTREAM_LIFELINE $RTSPINPUT $*" >SAID.new
mv SAID.new SAID
while read -r _; do :; done
`.replaceAll("SAID", "$0.said");

const env = { RTSPINPUT: "rtsp://u:secret@camera/1", DOCKER_HUB_ID: "me", ARCH: "amd64" };

describe("make dev", () => {
  const there = { runtime: "nvidia", missing: [] };

  it("runs containers where they have a GPU, and processes elsewhere", () => {
    assert.deepEqual(wayOf(undefined, there), { t: "containers" });
    for (const runtime of ["runc", undefined]) {
      assert.deepEqual(wayOf(undefined, { runtime, missing: [] }), {
        t: "processes",
        hint: undefined,
      });
    }
  });

  it("runs processes where the images are missing, and says so", () => {
    assert.deepEqual(wayOf("", { ...there, missing: ["me/a:1"] }), {
      t: "processes",
      hint: "for the GPU, me/a:1 is not here: make build",
    });
  });

  it("does as it is told, or says why it cannot", () => {
    assert.deepEqual(wayOf("processes", there), { t: "processes", hint: undefined });
    assert.deepEqual(wayOf("containers", { runtime: "runc", missing: [] }), { t: "containers" });
    assert.throws(() => wayOf("containers", { runtime: "runc", missing: ["a", "b"] }), {
      message: "DEV_IN is containers, and a and b are not here: make build",
    });
    assert.throws(() => wayOf("containers", { runtime: undefined, missing: [] }), {
      message: "DEV_IN is containers, and Docker does not answer",
    });
    assert.throws(() => wayOf("boxes", there), { message: /DEV_IN is "boxes"; allowed/ });
  });

  it("runs the definition's containers with its volumes, in no agreement, with no login on the command line", () => {
    const containers = containersHere(process.cwd(), env);
    assert.deepEqual(
      containers.map(({ key, image }) => [key, image.replace(/:.*/, "")]),
      [
        ["agent", "me/slipstream-agent_amd64"],
        ["sidecar", "me/slipstream-sidecar_amd64"],
      ],
    );
    for (const container of containers) {
      const args = attached(container);
      const line = args.join(" ");
      assert.match(line, /^run --interactive --rm .*--name slipstream-dev-/);
      assert.match(line, /--volume slipstream-run:\/run\/slipstream/);
      assert.doesNotMatch(line, /--detach|--restart|secret|HZN_AGREEMENTID/);
      assert.equal(args.at(-1), container.image);
      assert.equal(container.environment["RTSPINPUT"], env.RTSPINPUT);
    }
  });

  it("shows a test picture where no camera is named", () => {
    const [agent] = containersHere(process.cwd(), { ...env, RTSPINPUT: " " });
    assert.equal(agent?.environment["RTSPINPUT"], "test://");
  });
});

describe("a half in a container", () => {
  it("is what Docker's client says it is: told to end by a signal, held by its standard input", async (t) => {
    const folder = await temporaryDirectory(t);
    const program = join(folder, "docker");
    await writeFile(program, DOCKER);
    await chmod(program, 0o755);
    const [container] = containersHere(process.cwd(), env);
    assert.ok(container !== undefined);
    const half = containerHalf({ name: "agent", log: join(folder, "log") }, container, program);
    const running = await half.start(t.signal);
    t.after(running.kill);
    const said = await until("the client's start", 10_000, () =>
      readFile(`${program}.said`, "utf8").catch(() => false as const),
    );
    assert.match(said, /^stdin rtsp:\/\/u:secret@camera\/1 run --interactive/);
    running.terminate();
    assert.deepEqual(await running.ended, { t: "exited", code: 3 });
  });
});
