// The images, built on stand-ins of their bases and run as the Horizon agent runs them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { type TestContext } from "node:test";
import { containersOf, volumesOf } from "../../src/dev/horizon/containers.js";
import { docker, start, stop } from "../../src/dev/horizon/docker.js";
import { until } from "../support/scope.js";
import { type Arch, build, makeStandIns, whyNoArm64 } from "./images.js";
import { pull, registry } from "./registry.js";
import { watch } from "./watch.js";

const skip = process.env["IMAGES_SKIP"] ?? false;

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const HALVES = ["agent", "sidecar"] as const;

/** The definition with the test's images, and a port of the host that is not the product's own. */
function definition(arch: Arch, port: number): unknown {
  const text = readFileSync("service.definition.json", "utf8")
    // Emulated, ONNX Runtime cannot be loaded: there the agent meets a sidecar of this machine's own kind.
    .replace("sidecar_$ARCH:$SERVICE_VERSION", "sidecar_amd64:$SERVICE_VERSION")
    .replace(/\$DOCKER_IMAGE_BASE-(\w+)_amd64:\$SERVICE_VERSION/, "slipstream-test/$1:amd64")
    .replace(/\$DOCKER_IMAGE_BASE-(\w+)_\$ARCH:\$SERVICE_VERSION/g, `slipstream-test/$1:${arch}`)
    .replace("8554:8554/tcp", `${port}:8554/tcp`)
    .replace(/"slipstream-(\w+):\//g, `"slipstream-test-${arch}-$1:/`);
  return JSON.parse(text);
}

interface Service {
  readonly agent: string;
  readonly sidecar: string;
  readonly url: string;
}

/** Runs the service as one agreement; it is ended with the test as Horizon ends it, and its volumes are removed. */
async function run(t: TestContext, arch: Arch, port: number): Promise<Service> {
  const value = definition(arch, port);
  const network = `slipstream-test-${arch}`;
  const containers = containersOf(value, { id: network, arch, inputs: { RTSPINPUT: "test://" } });
  const names = containers.map(({ name }) => name);
  const end = async () => {
    await stop(network, names);
    await docker(["volume", "rm", "--force", ...volumesOf(value)]);
  };
  await end(); // of a run that was cut off
  t.after(end);
  await start(network, containers);
  const [agent = "", sidecar = ""] = names;
  return { agent, sidecar, url: `rtsp://127.0.0.1:${port}/ds` };
}

function inside(container: string, ...command: string[]): Promise<string> {
  return docker(["exec", container, ...command]);
}

/** A line of a container's log, from the last start on if `since` is given. */
function says(container: string, pattern: RegExp, timeoutMs: number, count = 1): Promise<string> {
  return until(`${container} says ${pattern}`, timeoutMs, async () => {
    const lines = (await docker(["logs", container]))
      .split("\n")
      .filter((one) => pattern.test(one));
    return lines[count - 1];
  });
}

async function inspect(kind: "image" | "container", name: string) {
  const [one] = JSON.parse(await docker([kind, "inspect", name]));
  return one;
}

test("images for amd64", { skip, timeout: 900_000 }, async (t) => {
  await makeStandIns("amd64");

  await t.test("both are built", async () => {
    for (const half of HALVES) await build("amd64", half, version);
  });

  await t.test(
    "they run as numbers that are not root, without a shell, and say what they are",
    async () => {
      for (const [half, user, program] of [
        ["agent", "10001", "node"],
        ["sidecar", "10002", "/opt/slipstream/venv/bin/python"],
      ] as const) {
        const { Config: config, Architecture: arch } = await inspect(
          "image",
          `slipstream-test/${half}:amd64`,
        );
        assert.deepEqual([arch, config.User, config.Entrypoint[0]], ["amd64", user, program]);
        assert.equal(config.Labels["org.opencontainers.image.version"], version);
        assert.equal(config.Labels["org.opencontainers.image.licenses"], "Apache-2.0");
      }
    },
  );

  await t.test("they hold no tests and no tools", async () => {
    const files = async (half: string, pattern: RegExp) => {
      const list = ["run", "--rm", "--entrypoint", "find", `slipstream-test/${half}:amd64`];
      const found = await docker([...list, "/opt/slipstream", "-not", "-name", "*.pyc"]);
      return found.split("\n").filter((path) => pattern.test(path));
    };
    assert.deepEqual(
      await files("agent", /dist\/.*\.test\.js$|node_modules\/(typescript|@biomejs|ts-proto)$/),
      [],
    );
    assert.deepEqual(
      await files("sidecar", /src\/sidecar\/tests|site-packages\/(grpc_tools|pytest)$/),
      [],
    );
  });

  await t.test("the tests of both halves pass in them", async () => {
    await build("amd64", "test", version);
  });

  await t.test("the two containers, as Horizon runs them", async (t) => {
    const { agent, sidecar, url } = await run(t, "amd64", 18554);

    await t.test("a picture comes out of the sidecar's container", async () => {
      await says(agent, /"picture ready"/, 30_000);
      assert.ok((await watch(url, 25)) >= 25);
    });

    await t.test("nobody is root, and both are in the group that owns the sockets", async () => {
      assert.match(await inside(agent, "id"), /^uid=10001\(agent\) gid=10000\(slipstream\)/);
      assert.match(
        await inside(sidecar, "id"),
        /^uid=10002\(sidecar\) gid=10000\(slipstream\) groups=10000\(slipstream\),44\(video\)$/,
      );
      const mode = (path: string) => inside(sidecar, "stat", "-c", "%u:%g %a", path);
      assert.equal(await mode("/run/slipstream"), "10002:10000 2770");
      assert.equal(await mode("/run/slipstream/worker.sock"), "10002:10000 660");
    });

    await t.test("each may write where it must, and the agent's state is its own", async () => {
      await inside(sidecar, "touch", "/var/lib/slipstream/engine");
      await inside(agent, "mv", "/var/lib/slipstream/engine", "/var/lib/slipstream/moved");
      await inside(agent, "touch", "/var/lib/slipstream-agent/state");
      assert.match(await inside(sidecar, "df", "-k", "--output=size", "/dev/shm"), /\b1048576\b/);
    });

    await t.test("the containers find each other by their keys", async () => {
      assert.match(await inside(agent, "getent", "hosts", "sidecar"), /sidecar/);
      assert.match(await inside(sidecar, "getent", "hosts", "agent"), /agent/);
    });

    for (const [half, container] of [
      ["sidecar", sidecar],
      ["agent", agent],
    ] as const) {
      await t.test(`the ${half} is killed and everything comes back by itself`, async () => {
        const { State: before } = await inspect("container", container);
        process.kill(before.Pid, "SIGKILL");
        await until("the container runs again", 20_000, async () => {
          const { State: now } = await inspect("container", container);
          return now.Running && now.Pid !== before.Pid;
        });
        await says(agent, /"sidecar connected"/, 30_000, half === "sidecar" ? 2 : 3);
        assert.ok((await watch(url, 10)) >= 10);
      });
    }

    await t.test("a new agreement finds the volumes, and a stale socket does no harm", async () => {
      const value = definition("amd64", 18554);
      const network = "slipstream-test-amd64";
      await stop(network, [agent, sidecar]);
      await start(
        network,
        containersOf(value, { id: network, arch: "amd64", inputs: { RTSPINPUT: "test://" } }),
      );
      await says(agent, /"picture ready"/, 30_000);
      await inside(agent, "test", "-e", "/var/lib/slipstream-agent/state");
    });
  });

  await t.test("what is pushed to a registry is what is pulled by its digest", async (t) => {
    const address = await registry(t);
    if (address === undefined) return t.skip("no registry program is installed (docker-registry)");
    for (const half of HALVES) {
      const { Id: built } = await inspect("image", `slipstream-test/${half}:amd64`);
      assert.equal(await pull(address, `slipstream-test/${half}:amd64`), built);
    }
  });
});

const whyNot = skip === false ? ((await whyNoArm64()) ?? false) : skip;

test("images for arm64, emulated", { skip: whyNot, timeout: 1_800_000 }, async (t) => {
  await makeStandIns("amd64");
  await makeStandIns("arm64");

  await t.test("both are built, for that architecture", async () => {
    for (const half of HALVES) {
      const { Architecture: arch } = await inspect("image", await build("arm64", half, version));
      assert.equal(arch, "arm64");
    }
  });

  await t.test("the agent runs, meets a sidecar and has a picture made", async (t) => {
    const { agent, url } = await run(t, "arm64", 18555);
    assert.equal(await inside(agent, "uname", "-m"), "aarch64");
    await says(agent, /"picture ready"/, 60_000);
    assert.ok((await watch(url, 10)) >= 10);
  });

  await t.test(
    "the sidecar's Python runs the contract that was generated in its image",
    async () => {
      const program =
        "import gi, grpc, numpy, platform; from sidecar.contract import pipeline; print(platform.machine())";
      const run = ["run", "--rm", "--entrypoint", "/opt/slipstream/venv/bin/python"];
      assert.equal(
        await docker([...run, "slipstream-test/sidecar:arm64", "-c", program]),
        "aarch64",
      );
    },
  );
});
