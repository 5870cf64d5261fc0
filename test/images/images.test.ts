// Builds the images on stand-ins for their base images and runs them as the Horizon agent does.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { promisify } from "node:util";
import { parseRecord, type TrialRecord } from "../../src/agent/trial/record.js";
import { docker } from "../../src/common/docker.js";
import { temporaryDirectory, until } from "../support/scope.js";
import { type Arch, build, derive, makeStandIns, whyNoArm64 } from "./images.js";
import { inside, inspect, livesOf, says, TestNode } from "./node.js";
import { pull, registry } from "./registry.js";
import { watch } from "./watch.js";

const exec = promisify(execFile);

const skip = process.env["IMAGES_SKIP"] ?? false;
const whyNot = skip === false ? ((await whyNoArm64()) ?? false) : skip;

/** Enough for a whole test without any cache on a busy machine. */
const LIMIT_MS = 1_800_000;

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const HALVES = ["agent", "sidecar"] as const;

/** The trial record in an agent's volume. */
async function trialRecord(agent: string): Promise<TrialRecord> {
  return parseRecord(await inside(agent, "cat", "/var/lib/slipstream-agent/trials.json"));
}

// In parallel: an emulated build uses a single process most of the time.
test("images are built", { skip, timeout: LIMIT_MS, concurrency: true }, async (t) => {
  const arches: Arch[] = whyNot === false ? ["amd64", "arm64"] : ["amd64"];
  const bases = new Map(arches.map((arch) => [arch, makeStandIns(arch)]));
  const make = async (t: TestContext, arch: Arch) => {
    // Files that are the same on every architecture are built on amd64.
    await Promise.all([bases.get("amd64"), bases.get(arch)]);
    for (const half of HALVES) await build(arch, half, version);
    if (arch !== "amd64") return;
    await t.test("the tests of agent and sidecar pass in them", async () => {
      await build(arch, "test", version);
    });
  };
  await Promise.all(arches.map((arch) => t.test(`for ${arch}`, (t) => make(t, arch))));
});

test("images for amd64", { skip, timeout: LIMIT_MS }, async (t) => {
  await t.test("a second build without changes reuses every layer", async () => {
    for (const half of HALVES) {
      const layers = (tag: string) =>
        docker(["image", "inspect", "--format", "{{json .RootFS.Layers}}", tag]);
      const before = await layers(`slipstream-test/${half}:amd64`);
      assert.equal(await layers(await build("amd64", half, version)), before);
    }
  });

  await t.test("a build with a version other than the program's fails and says why", async () => {
    for (const half of HALVES) {
      await assert.rejects(build("amd64", half, "97.0.0"), /VERSION is '97\.0\.0', and \S+ says/);
    }
  });

  await t.test(
    "they run under numeric ids other than root, without a shell, and have labels",
    async () => {
      for (const [half, user, program] of [
        ["agent", "10001", "node"],
        ["sidecar", "10002", "/opt/slipstream/venv/bin/python"],
      ] as const) {
        const { Config: config, Architecture: arch } = await inspect(
          "image",
          `slipstream-test/${half}:amd64`,
        );
        const [limits, ...command] = config.Entrypoint.filter(
          (one: string) => !one.startsWith("--"),
        );
        assert.deepEqual(
          [arch, config.User, limits, command[0]],
          ["amd64", user, "prlimit", program],
        );
        assert.equal(config.Labels["org.opencontainers.image.version"], version);
        assert.equal(config.Labels["org.opencontainers.image.licenses"], "Apache-2.0");
      }
    },
  );

  await t.test(
    "they contain no tests and no build tools, and what the agent has for one architecture it has for each",
    async () => {
      const files = async (half: string, pattern: RegExp) => {
        const list = ["run", "--rm", "--entrypoint", "find", `slipstream-test/${half}:amd64`];
        const found = await docker([...list, "/opt/slipstream", "-not", "-name", "*.pyc"]);
        return found.split("\n").filter((path) => pattern.test(path));
      };
      assert.deepEqual(
        await files(
          "agent",
          /dist\/.*\.test\.js$|node_modules\/(typescript|@biomejs|ts-proto)$|(?<!\/prebuilds\/.*)\.node$/,
        ),
        [],
      );
      const native = await files("agent", /\/prebuilds\/.*\.node$/);
      for (const path of native.filter((one) => one.includes("/linux-x64/"))) {
        const other = path.replace(/linux-x64.*/, "linux-arm64/");
        assert.ok(
          native.some((one) => one.startsWith(other)),
          `${path}, and nothing for arm64`,
        );
      }
      assert.ok(native.length > 0);
      assert.deepEqual(
        await files("sidecar", /src\/sidecar\/tests|site-packages\/(grpc_tools|pytest)$/),
        [],
      );
    },
  );

  await t.test(
    "neither contains the stand-ins for NVIDIA's elements or a way to enable them",
    async () => {
      const search =
        "find / -xdev -name 'standins*'; grep -rl SLIPSTREAM_STANDINS /opt/slipstream || true";
      for (const half of HALVES) {
        const run = ["run", "--rm", "--user", "root", "--entrypoint", "sh"];
        assert.equal(await docker([...run, `slipstream-test/${half}:amd64`, "-c", search]), "");
      }
    },
  );

  await t.test("neither contains a program that gives privileges to whoever runs it", async () => {
    for (const half of HALVES) {
      const run = ["run", "--rm", "--user", "root", "--entrypoint", "find"];
      const search = ["/", "-xdev", "-type", "f", "-perm", "/6000"];
      assert.equal(await docker([...run, `slipstream-test/${half}:amd64`, ...search]), "");
    }
  });

  await t.test("the image does what the pages say about the node policy", async (t) => {
    // The files of a node with Docker and systemd: /var/run is an absolute link.
    const root = mkdtempSync(join(tmpdir(), "node-"));
    t.after(() => rmSync(root, { recursive: true }));
    chmodSync(root, 0o755);
    for (const folder of ["etc/docker", "run", "var"])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, "etc/docker/daemon.json"), '{ "default-runtime": "nvidia" }');
    symlinkSync("/run", join(root, "var/run"));
    const written = readFileSync("docs/deploy.md", "utf8").replaceAll(/\s+/g, " ");
    const [, command = ""] = /`docker (run [^`]+ node-policy --root \/host)`/.exec(written) ?? [];
    const ask = async (root: string, ...options: string[]) => {
      const image = command.split(" IMAGE ").join(" slipstream-test/agent:amd64 ");
      const [run = "", ...args] = image.replace("-v /:/host", `-v ${root}:/host`).split(" ");
      return JSON.parse(await docker([run, ...options, ...args]));
    };
    const runtimeOf = ({ properties }: { properties: { name: string; value: unknown }[] }) =>
      properties.find(({ name }) => name === "slipstream.runtime")?.value;
    assert.equal(runtimeOf(await ask(root)), "nvidia");
    await t.test("root may ask the Docker engine itself", async () => {
      const socket = process.env["DOCKER_HOST"]?.replace("unix://", "") ?? "/var/run/docker.sock";
      const mount = ["-v", `${socket}:${join("/host", "run/docker.sock")}`];
      writeFileSync(join(root, "etc/docker/daemon.json"), "{}");
      writeFileSync(join(root, "run/docker.sock"), "");
      assert.equal(runtimeOf(await ask(root)), undefined);
      assert.equal(
        runtimeOf(await ask(root, "--user", "root", ...mount)),
        await docker(["info", "--format", "{{.DefaultRuntime}}"]),
      );
    });
    await t.test("it works for this machine too", async () => {
      assert.ok(Array.isArray((await ask("/")).properties));
    });
  });

  await t.test("the two containers, as Horizon runs them", async (t) => {
    const node = new TestNode(t, "amd64", 18554);
    const inputs = { TRIAL_TIME: "2s" };
    const { agent, sidecar } = await node.agree("amd64", inputs);

    await t.test("the sidecar's container serves a stream", async () => {
      await says(agent, /"output ready"/, 60_000);
      assert.ok((await watch(node.url, 25)) >= 25);
    });

    await t.test("the version passes its trial, and the volume records it", async () => {
      await says(agent, /"trial passed"/, 60_000);
      assert.deepEqual((await trialRecord(agent)).passedVersions, [version]);
    });

    await t.test(
      "neither runs as root, and both are in the group that owns the sockets",
      async () => {
        assert.match(await inside(agent, "id"), /^uid=10001\(agent\) gid=10000\(slipstream\)/);
        assert.match(
          await inside(sidecar, "id"),
          /^uid=10002\(sidecar\) gid=10000\(slipstream\) groups=10000\(slipstream\),44\(video\)$/,
        );
        const mode = (path: string) => inside(sidecar, "stat", "-c", "%u:%g %a", path);
        assert.equal(await mode("/run/slipstream"), "10002:10000 710");
        assert.equal(await mode("/run/slipstream/worker.sock"), "10002:10000 660");
        assert.equal(await mode("/run/slipstream/outlet.sock"), "10002:10000 600");
        assert.equal(await mode("/var/lib/slipstream"), "10002:10000 700");
        assert.equal(await mode("/var/lib/slipstream-models"), "10001:10000 750");
      },
    );

    await t.test("each can write where it must, and the other reads what it needs", async () => {
      await inside(sidecar, "touch", "/var/lib/slipstream/engine");
      await inside(agent, "touch", "/var/lib/slipstream-agent/state");
      const model = "/var/lib/slipstream-models/network";
      await inside(agent, "sh", "-c", `echo network >${model}`);
      assert.equal(await inside(sidecar, "cat", model), "network");
      assert.doesNotMatch(await docker(["logs", agent]), /cannot (save|use)|kept/);
      assert.match(await inside(sidecar, "df", "-k", "--output=size", "/dev/shm"), /\b1048576\b/);
    });

    await t.test(
      "neither can write anything else, and certainly nothing of the other's",
      async () => {
        const everywhere = ["/dev", "/run/lock", "/tmp", "/var/tmp"];
        const own = {
          agent: ["/var/lib/slipstream-agent", "/var/lib/slipstream-models"],
          sidecar: ["/home/sidecar", "/run/slipstream", "/var/lib/slipstream"],
        };
        for (const [container, allowed] of [
          [agent, own.agent],
          [sidecar, own.sidecar],
        ] as const) {
          const search = "find / -xdev -writable -not -type l -print 2>/dev/null || true";
          const found = (await inside(container, "sh", "-c", search)).split("\n").filter(Boolean);
          const beneath = (path: string, folder: string) => `${path}/`.startsWith(`${folder}/`);
          assert.deepEqual(
            found.filter((path) => ![...everywhere, ...allowed].some((one) => beneath(path, one))),
            [],
          );
          for (const folder of allowed) assert.ok(found.includes(folder), folder);
        }
        const refused = /Read-only file system|Permission denied/;
        for (const [container, ...command] of [
          [agent, "touch", "/run/slipstream/file"],
          [agent, "rm", "-f", "/run/slipstream/worker.sock"],
          [agent, "ls", "/run/slipstream"],
          [sidecar, "touch", "/var/lib/slipstream-models/network"],
          [sidecar, "mv", "/var/lib/slipstream-models/network", "/var/lib/slipstream-models/other"],
        ] as const) {
          await assert.rejects(inside(container, ...command), refused, command.join(" "));
        }
      },
    );

    await t.test("both have limits, no capability, and no way to one", async () => {
      for (const [container, megabytes, processes] of [
        [agent, 512, 256],
        [sidecar, 8192, 4096],
      ] as const) {
        const { HostConfig: host } = await inspect("container", container);
        assert.equal(host.Memory, megabytes * 2 ** 20);
        const status = await inside(container, "cat", "/proc/1/status");
        assert.match(status, /^NoNewPrivs:\s1$/m);
        for (const set of ["Inh", "Prm", "Eff", "Amb"])
          assert.match(status, new RegExp(`^Cap${set}:\\s0+$`, "m"));
        const limits = await inside(container, "cat", "/proc/1/limits");
        assert.match(limits, new RegExp(`^Max processes +${processes} +${processes} `, "m"));
        assert.match(limits, /^Max core file size +0 +0 /m);
      }
    });

    await t.test("the containers find each other by their keys", async () => {
      assert.match(await inside(agent, "getent", "hosts", "sidecar"), /sidecar/);
      assert.match(await inside(sidecar, "getent", "hosts", "agent"), /agent/);
    });

    for (const [half, container] of [
      ["sidecar", sidecar],
      ["agent", agent],
    ] as const) {
      await t.test(`everything recovers by itself after the ${half} is killed`, async () => {
        const { State: before } = await inspect("container", container);
        process.kill(before.Pid, "SIGKILL");
        await until("the container runs again", 20_000, async () => {
          const { State: now } = await inspect("container", container);
          return now.Running && now.Pid !== before.Pid;
        });
        await says(agent, /"sidecar connected"/, 30_000, half === "sidecar" ? 2 : 3);
        assert.ok((await watch(node.url, 10)) >= 10);
      });
    }

    await t.test("a new agreement finds the volumes, and a stale socket does no harm", async () => {
      const { agent } = await node.agree("amd64", inputs);
      await says(agent, /"output ready"/, 60_000);
      await inside(agent, "test", "-e", "/var/lib/slipstream-agent/state");
      assert.doesNotMatch(await docker(["logs", agent]), /"trial (stage )?started"/);
    });

    await t.test("a next version that fails its trial", async (t) => {
      // A package is missing in it, so its worker dies at once.
      await derive("amd64", "next", {
        agent: 'RUN sed -i \'s/"version": ".*"/"version": "9.9.9"/\' package.json',
        sidecar: "RUN rm -r venv/lib/python3*/site-packages/onnxruntime",
      });
      const failing = await node.agree("next", inputs);

      await t.test("exits with status 70, and again at every start", async (t) => {
        const lives = await livesOf(failing.agent, 4);
        assert.deepEqual([...new Set(lives.map(({ exitCode }) => exitCode))], [70]);
        const [trial, ...later] = lives.map(({ ms }) => ms);
        t.diagnostic(
          `${trial?.toFixed(0)} ms until its verdict, then ${later.map(Math.round).join(", ")} ms`,
        );
      });

      await t.test("exits under a second agreement too, without a second trial", async () => {
        const { agent } = await node.agree("next", inputs);
        const [first] = await livesOf(agent, 1);
        assert.equal(first?.exitCode, 70);
        assert.doesNotMatch(await docker(["logs", agent]), /"trial (stage )?started"/);
      });

      await t.test(
        "is replaced by the first version, which serves a stream without a trial",
        async () => {
          const { agent } = await node.agree("amd64", inputs);
          await says(agent, /"output ready"/, 60_000);
          assert.ok((await watch(node.url, 10)) >= 10);
          assert.doesNotMatch(await docker(["logs", agent]), /"trial (stage )?started"/);
          const { passedVersions, versionFailures } = await trialRecord(agent);
          assert.deepEqual(passedVersions, [version]);
          const told = versionFailures.map(({ version, agreements, faults }) => ({
            version,
            agreements: agreements.length,
            codes: faults.map(({ code }) => code),
          }));
          assert.deepEqual(told, [{ version: "9.9.9", agreements: 2, codes: ["worker died"] }]);
        },
      );
    });
  });

  await t.test(
    "they also run with what the page on security adds to Horizon's options",
    async (t) => {
      const page = readFileSync("docs/security.md", "utf8");
      const [, options = ""] = /^docker run (--read-only .*) \\$/m.exec(page) ?? [];
      assert.ok(options !== "");
      const node = new TestNode(t, "amd64", 18556, options.split(" "));
      const { agent, sidecar } = await node.agree("amd64", { TRIAL_TIME: "2s" });
      await says(agent, /"output ready"/, 60_000);
      assert.ok((await watch(node.url, 25)) >= 25);
      const { HostConfig: host } = await inspect("container", sidecar);
      assert.deepEqual([host.ReadonlyRootfs, host.CapDrop], [true, ["ALL"]]);
    },
  );

  await t.test("the image pulled by digest is the one that was pushed", async (t) => {
    const address = await registry(t);
    if (address === undefined) return t.skip("no registry program is installed (docker-registry)");
    for (const half of HALVES) {
      const { Id: built } = await inspect("image", `slipstream-test/${half}:amd64`);
      assert.equal(await pull(address, `slipstream-test/${half}:amd64`), built);
    }
    await t.test("`make pin` finds the digests of images in a registry", async (t) => {
      const file = join(await temporaryDirectory(t), "pins.txt");
      const image = `${address}/slipstream-test/agent:amd64`;
      writeFileSync(file, `amd64 NODE_IMAGE ${image} -\n`);
      await exec("setup/pins.sh", ["fill"], { env: { ...process.env, PINS: file } });
      const digest = readFileSync(file, "utf8").trim().split(" ").at(-1);
      const inRegistry = await fetch(
        `http://${address}/v2/slipstream-test/agent/manifests/${digest}`,
        {
          method: "HEAD",
          headers: { accept: "application/vnd.docker.distribution.manifest.v2+json" },
        },
      );
      assert.equal(inRegistry.headers.get("docker-content-digest"), digest);
    });
  });
});

test("images for arm64, emulated", { skip: whyNot, timeout: LIMIT_MS }, async (t) => {
  await t.test("both are for that architecture", async () => {
    for (const half of HALVES) {
      const { Architecture: arch } = await inspect("image", `slipstream-test/${half}:arm64`);
      assert.equal(arch, "arm64");
    }
  });

  await t.test("the agent runs, connects to a sidecar and gets a stream", async (t) => {
    const node = new TestNode(t, "arm64", 18555);
    const { agent } = await node.agree("arm64");
    assert.equal(await inside(agent, "uname", "-m"), "aarch64");
    await says(agent, /"output ready"/, 120_000);
    assert.ok((await watch(node.url, 10)) >= 10);
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
