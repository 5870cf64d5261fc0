import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { nodePolicyCommand } from "./command.js";
import { probe } from "./probe.js";

const NO_PROGRAM = "/nowhere/nvidia-smi";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "node-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** A node's file system, as far as the probe looks at it. */
function node(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = folder(t);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o755 });
  }
  return root;
}

/** Docker's engine, as far as the probe asks it. */
async function docker(t: TestContext, root: string, info: object): Promise<string> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/info" ? 200 : 404;
    response.end(JSON.stringify(info));
  });
  await new Promise<void>((resolve) => server.listen(join(root, "docker.sock"), resolve));
  t.after(() => server.close());
  return "/docker.sock";
}

async function command(...args: string[]) {
  const said = { out: "", err: "", exit: 0 };
  await nodePolicyCommand({
    environment: {},
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    exit: (code) => {
      said.exit = code;
    },
  }).parseAsync(args, { from: "user" });
  return said;
}

test("the facts of a Jetson are read from its files and its engine", async (t) => {
  const root = node(t, {
    "sys/firmware/devicetree/base/model": "NVIDIA Jetson Nano Developer Kit\0",
    "etc/nv_tegra_release":
      "# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t210ref, EABI: aarch64, DATE: Sat Feb 19 17:05:08 UTC 2022\n",
    "proc/meminfo": "MemTotal:        4059420 kB\nMemFree:          123456 kB\n",
    "var/lib/docker/keep": "",
  });
  const dockerSocket = await docker(t, root, {
    DefaultRuntime: "nvidia",
    DockerRootDir: "/var/lib/docker",
  });
  const facts = await probe({ root, dockerSocket, nvidiaSmi: NO_PROGRAM });
  assert.deepEqual(
    { ...facts, arch: "", freeDiskGiB: typeof facts.freeDiskGiB },
    {
      arch: "",
      model: "NVIDIA Jetson Nano Developer Kit",
      l4t: "32.7.1",
      driver: undefined,
      gpus: [],
      memoryMiB: 3964,
      defaultRuntime: "nvidia",
      dockerSilence: undefined,
      freeDiskGiB: "number",
    },
  );
});

test("symbolic links of the node lead to paths of the node, wherever it is mounted", async (t) => {
  const root = node(t, {
    "run/keep": "",
    "usr/lib/nvidia/release": "# R32 (release), REVISION: 7.1, GCID: 1\n",
    "srv/images/keep": "",
  });
  mkdirSync(join(root, "var"));
  mkdirSync(join(root, "etc"));
  symlinkSync("/run", join(root, "var/run"));
  symlinkSync("../usr/lib/nvidia/release", join(root, "etc/nv_tegra_release"));
  symlinkSync("/etc/loop", join(root, "etc/loop"));
  await docker(t, join(root, "run"), { DefaultRuntime: "nvidia", DockerRootDir: "/srv/images" });
  const dockerSocket = "/var/run/docker.sock";
  const facts = await probe({ root, dockerSocket, nvidiaSmi: NO_PROGRAM });
  const { defaultRuntime, l4t, freeDiskGiB } = facts;
  assert.deepEqual([defaultRuntime, l4t, typeof freeDiskGiB], ["nvidia", "32.7.1", "number"]);
});

for (const [what, file, runtime] of [
  ["the runtime in its file", '{"default-runtime": "nvidia", "runtimes": {}}', "nvidia"],
  ["nothing in its file", '{"log-driver": "local"}', undefined],
  ["a file that is not JSON", "{", undefined],
  ["no file", undefined, undefined],
] as const) {
  test(`an engine that does not answer, with ${what}, gives ${runtime ?? "no runtime"}`, async (t) => {
    const root = node(t, file === undefined ? {} : { "etc/docker/daemon.json": file });
    const facts = await probe({ root, dockerSocket: "/none", nvidiaSmi: NO_PROGRAM });
    assert.deepEqual([facts.defaultRuntime, facts.dockerSilence], [runtime, "away"]);
  });
}

for (const version of [
  "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.06  Wed Jun 26 06:46:07 UTC 2024\n",
  "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.183.06  Release Build\n",
]) {
  test(`the driver is found in "${version.slice(0, 45)}"`, async (t) => {
    const root = node(t, { "proc/driver/nvidia/version": `${version}GCC version: gcc 12.3.0\n` });
    const { driver } = await probe({ root, dockerSocket: "/none", nvidiaSmi: NO_PROGRAM });
    assert.equal(driver, "535.183.06");
  });
}

test("the GPUs are those of nvidia-smi, or without it those of the kernel", async (t) => {
  const root = node(t, {
    "proc/driver/nvidia/gpus/0000:00:1e.0/information": "Model: \t\t Tesla T4\nIRQ:   \t\t 10\n",
    "bin/nvidia-smi": "#!/bin/sh\necho 'Tesla T4, 15360'\necho 'NVIDIA A100, [N/A]'\n",
  });
  const ask = (nvidiaSmi: string) => probe({ root, dockerSocket: "/none", nvidiaSmi });
  assert.deepEqual((await ask(join(root, "bin/nvidia-smi"))).gpus, [
    { name: "Tesla T4", memoryMiB: 15360 },
    { name: "NVIDIA A100", memoryMiB: undefined },
  ]);
  assert.deepEqual((await ask(NO_PROGRAM)).gpus, [{ name: "Tesla T4", memoryMiB: undefined }]);
});

test("an engine that answers nonsense tells nothing", async (t) => {
  const root = node(t, {});
  const dockerSocket = await docker(t, root, ["nonsense"]);
  const { defaultRuntime } = await probe({ root, dockerSocket, nvidiaSmi: NO_PROGRAM });
  assert.equal(defaultRuntime, undefined);
});

test("a file keeps what the probe does not set, and a second run changes nothing", async (t) => {
  const root = node(t, {});
  const dockerSocket = await docker(t, root, { DefaultRuntime: "nvidia", DockerRootDir: "/" });
  const file = join(folder(t), "node.policy.json");
  const own = { name: "site", value: "north" };
  const before = {
    label: "pole 7",
    properties: [
      own,
      { name: "slipstream.board", value: "nano" },
      { name: "slipstream.ring", value: 3, type: "int" },
    ],
    constraints: ["purpose == video"],
    management: { properties: [], constraints: [] },
  };
  writeFileSync(file, JSON.stringify(before));
  const args = ["--root", root, "--docker", dockerSocket, "--out", file, "--ring", "1"];
  const said = await command(...args);
  assert.equal(said.exit, 0);
  assert.match(said.err, /^slipstream\.board is left out: there is neither a Jetson nor/m);
  const after = JSON.parse(readFileSync(file, "utf8"));
  const { properties, ...rest } = after;
  assert.deepEqual(rest, {
    label: before.label,
    constraints: before.constraints,
    management: before.management,
  });
  const values = Object.fromEntries(
    properties.map(({ name, value }: { name: string; value: unknown }) => [name, value]),
  );
  assert.equal(values["slipstream.runtime"], "nvidia");
  assert.equal(values["slipstream.board"], undefined);
  assert.equal(values["slipstream.ring"], 3);
  assert.deepEqual(properties.at(-2), own);

  await command(...args);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), after);
  assert.deepEqual(readdirSync(dirname(file)), ["node.policy.json"]);
});

test("a node without a ring gets the requested one", async (t) => {
  const { out } = await command("--root", node(t, {}), "--ring", "2");
  assert.deepEqual(JSON.parse(out).properties, [
    { name: "slipstream.ring", value: 2, type: "int" },
  ]);
});

test("with --board this machine is not probed, and the free disk is unknown", async (t) => {
  const { out, err } = await command("--root", node(t, {}), "--board", "nano", "--ring", "3");
  const values = Object.fromEntries(
    JSON.parse(out).properties.map(({ name, value }: { name: string; value: unknown }) => [
      name,
      value,
    ]),
  );
  assert.deepEqual(values, {
    "slipstream.board": "nano",
    "slipstream.runtime": "nvidia",
    "slipstream.deepstream": "6.0.1",
    "slipstream.gpu-memory": 3964,
    "slipstream.l4t": "32.7.1",
    "slipstream.ring": 3,
  });
  assert.match(err, /slipstream\.free-disk is left out/);
});

test("a property that the deployment part overrides is reported", async (t) => {
  const file = join(folder(t), "node.policy.json");
  const deployment = { properties: [{ name: "slipstream.board", value: "t4" }] };
  writeFileSync(file, JSON.stringify({ deployment }));
  const { err } = await command("--root", node(t, {}), "--out", file);
  assert.match(err, /slipstream\.board is overridden by the deployment part/);
});

for (const [what, text, message] of [
  ["no JSON", "{", /node\.policy\.json:1: is not JSON/],
  ["a list", "[]", /node\.policy\.json:1: must be an object/],
  ["properties that are no list", '{"properties": {}}', /:1: properties: must be a list/],
  ["variables", '{"label": "$SITE"}', /has variables, which would be lost/],
] as const) {
  test(`a file with ${what} is reported and left alone`, async (t) => {
    const file = join(folder(t), "node.policy.json");
    writeFileSync(file, text);
    const said = await command("--root", node(t, {}), "--out", file);
    assert.equal(said.exit, 2);
    assert.match(said.err, message);
    assert.equal(readFileSync(file, "utf8"), text);
  });
}
