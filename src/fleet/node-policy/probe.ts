/** Reads facts about this node from its files, its driver and its Docker engine. What cannot be read is unknown. */

import { execFile } from "node:child_process";
import { readdir, readFile, readlink, statfs } from "node:fs/promises";
import { request } from "node:http";
import { dirname, join, sep } from "node:path";
import { text as wholeText } from "node:stream/consumers";
import { promisify } from "node:util";
import { errorCode } from "../../common/files/read.js";
import { isObject } from "../../common/json/document.js";
import { asObject } from "../json.js";

/** Undefined, or an empty list: unknown. */
export interface NodeFacts {
  /** As Node.js names it: x64, arm64. */
  readonly arch: string;
  /** What the firmware of a board says, such as NVIDIA Jetson Nano Developer Kit. */
  readonly model: string | undefined;
  /** Release of NVIDIA's Linux for Jetson: 32.7.1. */
  readonly l4t: string | undefined;
  /** Version of NVIDIA's driver for discrete GPUs: 535.183.06. */
  readonly driver: string | undefined;
  /** Discrete GPUs, in the driver's order. */
  readonly gpus: readonly Gpu[];
  readonly memoryMiB: number | undefined;
  /** The runtime of containers that ask for none. */
  readonly defaultRuntime: string | undefined;
  /** Why the facts about Docker come from its file: it refused this user, or did not answer. Undefined: it answered. */
  readonly dockerSilence: "refused" | "away" | undefined;
  /** On the disk where Docker keeps images. */
  readonly freeDiskGiB: number | undefined;
}

interface Gpu {
  /** As the driver names it: Tesla T4. */
  readonly name: string;
  readonly memoryMiB: number | undefined;
}

interface ProbeOptions {
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

const TIMEOUT_MS = 10_000;

export async function probe({ root, dockerSocket, nvidiaSmi }: ProbeOptions): Promise<NodeFacts> {
  const read = async (path: string) =>
    readFile(await resolveIn(root, path), "utf8").catch(() => "");
  const [model, tegra, version, memory, daemon, gpus, engine] = await Promise.all([
    read("sys/firmware/devicetree/base/model"),
    read("etc/nv_tegra_release"),
    read("proc/driver/nvidia/version"),
    read("proc/meminfo"),
    read("etc/docker/daemon.json"),
    gpusOfDriver(nvidiaSmi).catch(() => gpusOfKernel(root)),
    resolveIn(root, dockerSocket)
      .then(dockerInfo)
      .catch((error: unknown) => ({ silence: silenceOf(error) })),
  ]);
  const isSilent = "silence" in engine;
  const { defaultRuntime, directory } = isSilent ? configuredDocker(daemon) : engine;
  return {
    arch: process.arch,
    model: model.replaceAll("\0", "").trim() || undefined,
    l4t: l4tRelease(tegra),
    driver: driverVersion(version),
    gpus,
    memoryMiB: memoryMiB(memory),
    defaultRuntime,
    dockerSilence: isSilent ? engine.silence : undefined,
    freeDiskGiB: await freeGiB(await resolveIn(root, directory)),
  };
}

interface DockerFacts {
  readonly defaultRuntime: string | undefined;
  /** Where it keeps images. */
  readonly directory: string;
}

function dockerFacts(runtime: unknown, directory: unknown): DockerFacts {
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  return { defaultRuntime: text(runtime), directory: text(directory) ?? "/var/lib/docker" };
}

/** What the engine's file says. The engine's command line overrides it, so that what the file leaves out is unknown. */
function configuredDocker(file: string): DockerFacts {
  try {
    const settings = asObject(JSON.parse(file));
    return dockerFacts(settings["default-runtime"], settings["data-root"]);
  } catch {
    return dockerFacts(undefined, undefined); // No file, or one with which the engine does not start either.
  }
}

/** `docker info`, from the engine itself, so that Docker's command line need not be installed. */
async function dockerInfo(socketPath: string): Promise<DockerFacts> {
  const info: unknown = JSON.parse(await get(socketPath, "/info"));
  if (!isObject(info)) throw new Error("Docker did not return an object");
  return dockerFacts(info["DefaultRuntime"], info["DockerRootDir"]);
}

function silenceOf(error: unknown): NonNullable<NodeFacts["dockerSilence"]> {
  return errorCode(error) === "EACCES" ? "refused" : "away";
}

/** `# R32 (release), REVISION: 7.1, GCID: ...` is 32.7.1. */
function l4tRelease(file: string): string | undefined {
  const [, major, revision] = /^# R(\d+) \(release\), REVISION: ([\d.]+)/.exec(file) ?? [];
  return major === undefined ? undefined : `${major}.${revision}`;
}

/** `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.06  Wed Jun 26 ...` */
function driverVersion(file: string): string | undefined {
  return /^NVRM version:.*?\bKernel Module\b.*?\s(\d+(?:\.\d+)+)\s/m.exec(file)?.[1];
}

function memoryMiB(file: string): number | undefined {
  const kib = /^MemTotal:\s+(\d+) kB$/m.exec(file)?.[1];
  return kib === undefined ? undefined : Math.floor(Number(kib) / 1024);
}

async function gpusOfDriver(nvidiaSmi: string): Promise<Gpu[]> {
  const query = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
  const { stdout } = await promisify(execFile)(nvidiaSmi, query, { timeout: TIMEOUT_MS });
  return stdout.split("\n").flatMap((line) => {
    const [, name, memory = ""] = /^(.+), (\S+)$/.exec(line.trim()) ?? [];
    if (name === undefined) return [];
    return [{ name, memoryMiB: /^\d+$/.test(memory) ? Number(memory) : undefined }];
  });
}

/** The kernel's part of the driver names the GPUs too, but not their memory. */
async function gpusOfKernel(root: string): Promise<Gpu[]> {
  const directory = await resolveIn(root, "proc/driver/nvidia/gpus");
  const addresses = (await readdir(directory).catch(() => [])).sort();
  const files = await Promise.all(
    addresses.map((address) =>
      readFile(join(directory, address, "information"), "utf8").catch(() => ""),
    ),
  );
  return files.flatMap((file) => {
    const name = /^Model:\s+(.+?)\s*$/m.exec(file)?.[1];
    return name === undefined ? [] : [{ name, memoryMiB: undefined }];
  });
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    request({ socketPath, path, signal }, (response) => {
      if (response.statusCode === 200) {
        wholeText(response).then(resolve, reject);
        return;
      }
      response.resume();
      reject(new Error(`Docker returned ${response.statusCode}`));
    })
      .once("error", reject)
      .end();
  });
}

async function freeGiB(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return Math.floor((bavail * bsize) / 2 ** 30);
  } catch {
    return undefined; // Docker runs elsewhere, or the directory is not accessible.
  }
}

/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * Where a path of the node is in this file system. Links lead to paths of the node, absolute ones too. What does not exist or
 * cannot be read is taken as it is.
 *
 * @param root the directory at which the node's file system is mounted
 * @param path of the node, from its own root
 */
async function resolveIn(root: string, path: string): Promise<string> {
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
