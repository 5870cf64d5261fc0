/** Reads the facts about this node: from its files, its driver and its Docker engine. What cannot be read is unknown. */

import { execFile } from "node:child_process";
import { readdir, readFile, readlink, statfs } from "node:fs/promises";
import { request } from "node:http";
import { dirname, join, sep } from "node:path";
import { text as wholeText } from "node:stream/consumers";
import { promisify } from "node:util";
import { errorCode } from "../../common/files/error-code.js";
import { isObject } from "../../common/json/document.js";

const run = promisify(execFile);

const TIMEOUT_MS = 10_000;
const GIB = 2 ** 30;

export interface ProbeOptions {
  /** Where the node's file system is: in a container, the directory at which it is mounted. */
  readonly root: string;
  /** Docker's socket, below the root. */
  readonly dockerSocket: string;
  /** The program nvidia-smi. */
  readonly nvidiaSmi: string;
}

export const DEFAULT_PROBE: ProbeOptions = {
  root: "/",
  dockerSocket: "/var/run/docker.sock",
  nvidiaSmi: "nvidia-smi",
};

export async function probe({ root, dockerSocket, nvidiaSmi }: ProbeOptions): Promise<NodeFacts> {
  const read = async (path: string) =>
    readFile(await placeIn(root, path), "utf8").catch(() => undefined);
  const [model, tegra, version, memory, daemon, gpus, engine] = await Promise.all([
    read("sys/firmware/devicetree/base/model"),
    read("etc/nv_tegra_release"),
    read("proc/driver/nvidia/version"),
    read("proc/meminfo"),
    read(DAEMON_FILE),
    askDriver(nvidiaSmi).catch(() => namedByKernel(root)),
    placeIn(root, dockerSocket)
      .then(askDocker)
      .catch((error: unknown) => ({ silence: silenceOf(error) })),
  ]);
  const docker = "silence" in engine ? configured(daemon) : engine;
  return {
    arch: process.arch,
    model: model?.replaceAll("\0", "").trim() || undefined,
    l4t: l4tRelease(tegra),
    driver: driverVersion(version),
    gpus,
    memoryMiB: memoryMiB(memory),
    defaultRuntime: docker.defaultRuntime,
    dockerSilence: "silence" in engine ? engine.silence : undefined,
    freeDiskGiB: await freeGiB(await placeIn(root, docker.directory)),
  };
}

interface DockerFacts {
  readonly defaultRuntime: string | undefined;
  /** Where it keeps images. */
  readonly directory: string;
}

const DAEMON_FILE = "etc/docker/daemon.json";
const DOCKER_DIRECTORY = "/var/lib/docker";

/** What the engine is told by its file. What it is told on its command line wins there, so silence of the file means nothing. */
function configured(file = "{}"): DockerFacts {
  try {
    const value: unknown = JSON.parse(file);
    const settings = isObject(value) ? value : {};
    return {
      defaultRuntime: text(settings["default-runtime"]),
      directory: text(settings["data-root"]) ?? DOCKER_DIRECTORY,
    };
  } catch {
    return { defaultRuntime: undefined, directory: DOCKER_DIRECTORY }; // The engine does not start with it either.
  }
}

function silenceOf(error: unknown): NonNullable<NodeFacts["dockerSilence"]> {
  return errorCode(error) === "EACCES" ? "refused" : "away";
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `# R32 (release), REVISION: 7.1, GCID: ...` is 32.7.1. */
function l4tRelease(file = ""): string | undefined {
  const [, major, revision] = /^# R(\d+) \(release\), REVISION: ([\d.]+)/.exec(file) ?? [];
  return major === undefined ? undefined : `${major}.${revision}`;
}

/** `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.06  Wed Jun 26 ...` */
function driverVersion(file = ""): string | undefined {
  return /^NVRM version:.*?\bKernel Module\b.*?\s(\d+(?:\.\d+)+)\s/m.exec(file)?.[1];
}

function memoryMiB(file = ""): number | undefined {
  const kib = /^MemTotal:\s+(\d+) kB$/m.exec(file)?.[1];
  return kib === undefined ? undefined : Math.floor(Number(kib) / 1024);
}

async function askDriver(nvidiaSmi: string): Promise<Gpu[]> {
  const query = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
  const { stdout } = await run(nvidiaSmi, query, { timeout: TIMEOUT_MS });
  return stdout.split("\n").flatMap((line) => {
    const [, name, memory] = /^(.+), (\S+)$/.exec(line.trim()) ?? [];
    if (name === undefined || memory === undefined) return [];
    return [{ name, memoryMiB: /^\d+$/.test(memory) ? Number(memory) : undefined }];
  });
}

/** The kernel's part of the driver names the GPUs too, but not their memory. */
async function namedByKernel(root: string): Promise<Gpu[]> {
  const directory = await placeIn(root, "proc/driver/nvidia/gpus");
  const addresses = await readdir(directory).catch(() => []);
  const files = await Promise.all(
    addresses
      .sort()
      .map((address) => readFile(join(directory, address, "information"), "utf8").catch(() => "")),
  );
  return files.flatMap((file) => {
    const name = /^Model:\s+(.+?)\s*$/m.exec(file)?.[1];
    return name === undefined ? [] : [{ name, memoryMiB: undefined }];
  });
}

/** `docker info`, from the engine itself, so that its command line need not be there. */
async function askDocker(socketPath: string): Promise<DockerFacts> {
  const answer = await get(socketPath, "/info");
  const info: unknown = JSON.parse(answer);
  if (!isObject(info)) throw new Error("Docker answers with something else than an object");
  return {
    defaultRuntime: text(info["DefaultRuntime"]),
    directory: text(info["DockerRootDir"]) ?? DOCKER_DIRECTORY,
  };
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    request({ socketPath, path, signal }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        reject(new Error(`Docker answers ${response.statusCode}`));
        return;
      }
      wholeText(response).then(resolve, reject);
    })
      .once("error", reject)
      .end();
  });
}

async function freeGiB(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return Math.floor((bavail * bsize) / GIB);
  } catch {
    return undefined; // Docker runs elsewhere, or keeps it from us.
  }
}

export interface Gpu {
  /** As the driver names it: Tesla T4. */
  readonly name: string;
  readonly memoryMiB: number | undefined;
}

/** Undefined, or an empty list: nothing says so. */
export interface NodeFacts {
  /** A name of Node.js: x64, arm64. */
  readonly arch: string;
  /** What the firmware of a board says, such as NVIDIA Jetson Nano Developer Kit. */
  readonly model: string | undefined;
  /** Release of NVIDIA's Linux for Jetson: 32.7.1. */
  readonly l4t: string | undefined;
  /** Version of NVIDIA's driver for GPUs on a bus: 535.183.06. */
  readonly driver: string | undefined;
  /** GPUs on a bus, in the driver's order. */
  readonly gpus: readonly Gpu[];
  readonly memoryMiB: number | undefined;
  /** What Docker runs a container with that asks for nothing else. */
  readonly defaultRuntime: string | undefined;
  /** Why the facts about Docker are those of its file: it refused this user, or did not answer. Undefined: it answered. */
  readonly dockerSilence: "refused" | "away" | undefined;
  /** Where Docker keeps images. */
  readonly freeDiskGiB: number | undefined;
}

/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * Where a path of the node lies here. What is not there, or cannot be looked at, stands for itself.
 *
 * @param root the directory at which the node's file system is mounted
 * @param path of the node, from its own root
 */
export async function placeIn(root: string, path: string): Promise<string> {
  if (root === sep) return join(sep, path);
  let links = 0;
  let done: string = sep;
  const left = partsOf(path);
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    const next = part === ".." ? dirname(done) : join(done, part);
    const target =
      part === ".." || links > MAX_LINKS
        ? undefined
        : await readlink(join(root, next)).catch(() => undefined);
    if (target === undefined) done = next;
    else {
      links++;
      if (target.startsWith(sep)) done = sep;
      left.unshift(...partsOf(target));
    }
  }
  return join(root, done);
}

function partsOf(path: string): string[] {
  return path.split(sep).filter((part) => part !== "" && part !== ".");
}
