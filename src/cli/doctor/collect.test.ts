import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { recordingTerminal } from "../../common/testing/recording-terminal.js";
import { collect } from "./collect.js";
import { tmpfsBytes } from "./collect-docker.js";
import { horizonTime } from "./collect-horizon.js";
import { blacklistIn } from "./collect-plugins.js";
import { doctorCommand } from "./command.js";
import type { DoctorFacts } from "./facts.js";
import { STATE } from "./testing/healthy.js";

const NODE = {
  arch: "x64",
  l4t: undefined,
  driver: undefined,
  gpus: [],
  defaultRuntime: undefined,
  freeDiskGiB: undefined,
  properties: new Map<string, string>(),
  unknownProperties: new Map<string, string>(),
};

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0);
  await once(server, "listening");
  // The cast holds for every server that listens on TCP.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("what the doctor finds out", () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;
  let servers: Server[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipstream-"));
    servers = [];
    environment = { PATH: `${folder}/bin:${process.env["PATH"]}` };
    mkdirSync(join(folder, "bin"));
  });

  afterEach(async () => {
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  /** Answers at a Unix socket, by path. */
  async function serve(name: string, answers: Readonly<Record<string, unknown>>): Promise<string> {
    const server = createServer(({ url = "" }, response) => {
      const answer = answers[url];
      if (answer === undefined) response.writeHead(404).end("{}");
      else response.end(JSON.stringify(answer));
    });
    const path = join(folder, name);
    server.listen(path);
    await once(server, "listening");
    servers.push(server);
    return path;
  }

  /** A program that prints a text for its first two arguments, and nothing for all others. */
  function program(name: string, answers: Readonly<Record<string, string>>): void {
    const cases = Object.entries(answers).map(
      ([args, text]) => `"${args}") cat <<'EOT'\n${text}\nEOT\n;;`,
    );
    const file = join(folder, "bin", name);
    writeFileSync(file, `#!/bin/sh\ncase "$1 $2" in\n${cases.join("\n")}\n*) exit 1;; esac\n`);
    chmodSync(file, 0o755);
  }

  function find(change: object = {}): Promise<DoctorFacts> {
    const options = {
      environment,
      agent: join(folder, "agent.sock"),
      dockerSocket: join(folder, "docker.sock"),
      readNode: () => Promise.resolve(NODE),
      ...change,
    };
    return collect(options, new AbortController().signal);
  }

  it("is unknown, with the reason, on a machine without Docker, Horizon and settings", async () => {
    const facts = await find();
    const whys = Object.entries(facts).flatMap(
      ([name, fact]: [string, { t?: string; why?: string }]) =>
        fact.t === "unknown" ? [`${name}: ${fact.why}`] : [],
    );
    for (const text of [
      /^docker: Docker does not answer on its socket$/,
      /^horizon: there is no hzn on this machine$/,
      /^ess: Horizon did not start this$/,
      /^settings: RTSPINPUT is not set here/,
      /^agent: the agent does not answer at /,
    ]) {
      assert.ok(
        whys.some((why) => text.test(why)),
        `${text} is not in ${whys.join("\n")}`,
      );
    }
    assert.ok(facts.memory.t === "known" && facts.memory.value.totalMiB > 0);
  });

  it("is read from Docker's engine", async () => {
    const labels = (name: string) => ({ "org.opencontainers.image.title": name });
    await serve("docker.sock", {
      "/info": { Runtimes: { runc: {}, nvidia: {} }, DockerRootDir: folder },
      "/containers/json?all=1": [
        { Id: "1", Labels: labels("Slipstream sidecar") },
        { Id: "2", Labels: labels("something else") },
        { Id: "3", Labels: null },
      ],
      "/containers/1/json": {
        Name: "/sidecar-1",
        Image: "sha256:i",
        RestartCount: 2,
        State: {
          Status: "running",
          OOMKilled: true,
          Health: {
            Status: "unhealthy",
            Log: [{ Output: "old" }, { Output: "frames do not flow\n" }],
          },
        },
        HostConfig: { ShmSize: 67_108_864, Tmpfs: { "/dev/shm": "size=1g" } },
        Mounts: [{ Destination: "/run/slipstream", Name: "slipstream-run" }],
      },
      "/images/sha256:i/json": {
        Architecture: "amd64",
        RepoDigests: ["repo/slipstream@sha256:abc"],
        Config: { Labels: { "org.opencontainers.image.version": "1.2.3" } },
      },
    });
    const { docker, containers } = await find();
    assert.ok(docker.t === "known" && containers.t === "known");
    assert.deepEqual(docker.value.runtimes, ["runc", "nvidia"]);
    assert.deepEqual(containers.value, [
      {
        role: "sidecar",
        name: "sidecar-1",
        status: "running",
        restarts: 2,
        health: "unhealthy",
        healthDetail: "frames do not flow",
        outOfMemory: true,
        imageArch: "amd64",
        imageVersion: "1.2.3",
        digests: ["sha256:abc"],
        shmBytes: 2 ** 30,
        runVolume: "slipstream-run",
      },
    ]);
  });

  it("is read from hzn, which prints hints before its answers", async () => {
    const agreement = {
      agreement_accepted_time: "2026-11-30 14:00:00 +0000 UTC",
      agreement_execution_start_time: "",
      workload_to_run: { org: "o", url: "slipstream", version: "1.2.3", arch: "amd64" },
    };
    program("hzn", {
      "node list": 'Note: a hint\n{"configstate":{"state":"configured"}}',
      "agreement list": JSON.stringify([agreement]),
      "policy list": '{"properties":[{"name":"slipstream.board","value":"t4"}],"deployment":{}}',
    });
    const { horizon } = await find();
    assert.ok(horizon.t === "known", JSON.stringify(horizon));
    assert.deepEqual(horizon.value, {
      configState: "configured",
      agreements: [
        {
          service: "slipstream 1.2.3",
          acceptedMs: Date.UTC(2026, 10, 30, 14),
          startedMs: undefined,
        },
      ],
      properties: new Map([["slipstream.board", "t4"]]),
    });
  });

  it("is what the agent answers", async () => {
    await serve("agent.sock", { "/api/v1/state": STATE });
    const { agent } = await find();
    assert.deepEqual(agent, { t: "known", value: STATE });
  });

  it("comes from the settings: cameras, secrets, model, directories and ports", async () => {
    const taken = createTcpServer().listen(0);
    await once(taken, "listening");
    // The cast holds for every server that listens on TCP.
    const { port } = taken.address() as AddressInfo;
    mkdirSync(join(folder, "secrets"));
    writeFileSync(join(folder, "secrets/bad"), "");
    Object.assign(environment, {
      RTSPINPUT:
        "a=rtsp://127.0.0.1:1/x,b=/dev/video99,c=test://,d=rtsp://secret:none@127.0.0.1:1/y",
      RTSPOUTPUTPORTNUM: String(port),
      HTTP_ADDRESS: "off",
      STATE_DIR: folder,
      MODELS_DIR: join(folder, "none"),
      SECRETS_DIR: join(folder, "secrets"),
      MODEL: folder,
    });
    const facts = await find();
    await new Promise((resolve) => taken.close(resolve));
    assert.ok(facts.cameras.t === "known" && facts.secrets.t === "known", JSON.stringify(facts));
    assert.deepEqual(
      facts.cameras.value.map(({ id, found }) => [
        id,
        found.t === "network" ? found.probe.t : found,
      ]),
      [
        ["a", "unreachable"],
        ["b", { t: "file", problem: "absent" }],
        ["c", { t: "off" }],
        ["d", "unreachable"],
      ],
    );
    assert.match(String(facts.secrets.value.missing), /secret none is missing/);
    assert.match(String(facts.secrets.value.unusable), /secret bad is empty/);
    assert.deepEqual(facts.model, {
      t: "known",
      value: { path: folder, lacks: ["config_infer.txt"] },
    });
    assert.deepEqual(facts.ports, [{ setting: "RTSPOUTPUTPORTNUM", port, state: "in use" }]);
    const state = facts.directories.find(({ use }) => use === "state");
    assert.ok(state?.found.t === "known" && state.found.value.writable);
    const models = facts.directories.find(({ use }) => use === "models");
    assert.deepEqual(models?.found, { t: "unknown", why: "does not exist" });
  });

  it("is what is wrong with settings that are refused", async () => {
    environment["RTSPINPUT"] = "rtsp://cam/1";
    environment["BITRATE"] = "much";
    const { settings, cameras } = await find();
    assert.ok(settings.t === "known");
    assert.match(settings.value.errors.join(), /BITRATE/);
    assert.deepEqual(cameras, { t: "unknown", why: "the settings are refused" });
  });

  it("ends with its signal, while a program hangs", async () => {
    const file = join(folder, "bin/hzn");
    writeFileSync(file, "#!/bin/sh\nexec sleep 1000\n");
    chmodSync(file, 0o755);
    const controller = new AbortController();
    const options = { environment, dockerSocket: "none", readNode: () => Promise.resolve(NODE) };
    const collecting = collect(options, controller.signal);
    controller.abort(new Error("enough"));
    await assert.rejects(collecting, /enough/);
  });

  it("is printed with the cure of each, without a login, and decides the exit status", async () => {
    environment["RTSPINPUT"] = "rtsp://u:hunter2@127.0.0.1:1/x";
    // The usual ones may be in use where the tests run.
    environment["RTSPOUTPUTPORTNUM"] = String(await freePort());
    environment["HTTP_ADDRESS"] = "off";
    const { terminal, result } = recordingTerminal(environment);
    const command = () => doctorCommand(() => Promise.resolve(NODE), terminal);
    const args = ["--agent", join(folder, "none"), "--docker", join(folder, "none")];
    await command().parseAsync(args, { from: "user" });
    assert.equal(result.exit, 1);
    assert.match(
      result.out,
      /^error +camera-reachable: camera cam1: nothing answers .*\n +check address/m,
    );
    assert.match(result.out, /^skipped +Docker does not answer on its socket: \d+ checks$/m);
    assert.match(result.out, /^\d+ passed, 1 errors, \d+ warnings, \d+ skipped$/m);
    result.out = "";
    await command().parseAsync([...args, "--json"], { from: "user" });
    const all = JSON.parse(result.out) as { id: string; outcome: string }[];
    assert.equal(all.find(({ id }) => id === "camera-reachable")?.outcome, "complaints");
    assert.doesNotMatch(result.out + result.err, /hunter2/);
  });
});

describe("texts of other programs", () => {
  it("are read: sizes of tmpfs, times of Horizon, GStreamer's blacklist", () => {
    assert.equal(tmpfsBytes("rw,size=64m,mode=1777"), 64 * 2 ** 20);
    assert.equal(tmpfsBytes("size=1000"), 1000);
    assert.equal(tmpfsBytes("rw"), undefined);
    assert.equal(horizonTime("2026-11-30 14:00:00 +0100 CET"), Date.UTC(2026, 10, 30, 13));
    assert.equal(horizonTime(""), undefined);
    const output = "Blacklisted files:\n  libnvdsgst_infer.so\n\nTotal count: 1 blacklisted file\n";
    assert.deepEqual(blacklistIn(output), ["libnvdsgst_infer.so"]);
    assert.deepEqual(blacklistIn("Total count: 0 blacklisted files\n"), []);
  });
});
