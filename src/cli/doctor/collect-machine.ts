/** What files and sockets of the machine show. */

import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { access, constants, readdir, readFile, stat, statfs } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { environment as ownEnvironment } from "../../common/environment.js";
import { errorCode } from "../../common/files/read.js";
import type { Config } from "../../common/settings/config.js";
import { settings } from "../../common/settings/environment-settings.js";
import {
  type DirectoryFacts,
  type DoctorFacts,
  type Fact,
  known,
  type PortFacts,
  unknown,
} from "./facts.js";
import { run } from "./run.js";

const NVIDIA = "0x10de";

export async function readGpu(): Promise<{ pciGpus: number; nvidiaSmiError: string | undefined }> {
  const root = "/sys/bus/pci/devices";
  const read = (device: string, file: string) =>
    readFile(join(root, device, file), "utf8").then(
      (text) => text.trim(),
      () => "",
    );
  const devices = await readdir(root).catch(() => []);
  const gpus = await Promise.all(
    devices.map(
      async (device) =>
        // Class 03: display controllers.
        (await read(device, "vendor")) === NVIDIA &&
        (await read(device, "class")).startsWith("0x03"),
    ),
  );
  const error = await run(
    "nvidia-smi",
    ["--list-gpus"],
    ownEnvironment,
    AbortSignal.timeout(5000),
  ).then(
    () => undefined,
    (reason: Error) => (/^there is no/.test(reason.message) ? undefined : reason.message),
  );
  return { pciGpus: gpus.filter(Boolean).length, nvidiaSmiError: error };
}

export async function readMemory(): Promise<DoctorFacts["memory"]> {
  const text = await readFile("/proc/meminfo", "utf8");
  const mib = (name: string) =>
    Math.floor(
      Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) / 1024,
    );
  const memory = { totalMiB: mib("MemTotal"), availableMiB: mib("MemAvailable") };
  return Number.isNaN(memory.availableMiB) ? unknown("/proc/meminfo does not say") : known(memory);
}

/** Those of the agent that runs in this container, or on this machine. */
export function readDirectories(config: Config): Promise<DirectoryFacts[]> {
  const { stateDir, modelsDir, secretsDir, socketPath } = config;
  const all = [
    { setting: settings.stateDir.env, path: stateDir, use: "state" },
    { setting: settings.modelsDir.env, path: modelsDir, use: "models" },
    { setting: settings.socketPath.env, path: dirname(socketPath), use: "run" },
    { setting: settings.secretsDir.env, path: secretsDir, use: "secrets" },
  ] as const;
  return Promise.all(all.map(async (one) => ({ ...one, found: await readDirectory(one.path) })));
}

async function readDirectory(path: string): Promise<DirectoryFacts["found"]> {
  try {
    const [{ uid: owner, gid: group, mode }, { bavail, bsize, files, ffree }] = await Promise.all([
      stat(path),
      statfs(path),
    ]);
    const may = (what: number) =>
      access(path, what).then(
        () => true,
        () => false,
      );
    return known({
      ...{ owner, group, mode: mode & 0o7777, freeBytes: bavail * bsize },
      writable: await may(constants.W_OK),
      readable: await may(constants.R_OK),
      freeInodes: files === 0 ? undefined : ffree / files,
    });
  } catch (error) {
    const code = errorCode(error);
    return unknown(code === "ENOENT" ? "does not exist" : `cannot be read (${code})`);
  }
}

export function readPorts(
  wanted: readonly { setting: string; port: number }[],
): Promise<PortFacts[]> {
  return Promise.all(wanted.map(async (one) => ({ ...one, state: await portState(one.port) })));
}

async function portState(port: number): Promise<PortFacts["state"]> {
  const server = createServer();
  try {
    server.listen(port);
    await once(server, "listening");
    return "free";
  } catch (error) {
    return errorCode(error) === "EACCES" ? "not allowed" : "in use";
  } finally {
    server.close();
  }
}

/** Of a camera that is a file or a device. */
export async function fileProblem(path: string): Promise<"absent" | "unreadable" | undefined> {
  try {
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return errorCode(error) === "EACCES" ? "unreadable" : "absent";
  }
}

/** Name and clock of the hub, where HZN_EXCHANGE_URL or Horizon's own settings name it. */
export async function readHub(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Fact<Pick<DoctorFacts, "clock" | "hubName">>> {
  const file = await readFile("/etc/default/horizon", "utf8").catch(() => "");
  const address =
    environment["HZN_EXCHANGE_URL"] || /^HZN_EXCHANGE_URL="?([^"\n]+)/m.exec(file)?.[1];
  if (address === undefined) return unknown("HZN_EXCHANGE_URL is not set");
  const url = new URL(address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const resolves = await lookup(host).then(
    () => true,
    () => false,
  );
  signal.throwIfAborted();
  const hubName = known({ host, resolves });
  if (!resolves) return known({ hubName, clock: unknown(`no address is known for ${host}`) });
  const date = await dateOf(url, signal).catch(() => undefined);
  const offsetMs = date === undefined ? Number.NaN : Date.now() - Date.parse(date);
  const clock = Number.isNaN(offsetMs)
    ? unknown(`${host} does not answer with a time`)
    : known({ offsetMs, against: host });
  return known({ hubName, clock });
}

/** Any answer has a date, also a refusal; the certificate may be the hub's own. */
function dateOf(url: URL, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    request(url, { method: "HEAD", signal, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.headers.date);
    })
      .once("error", reject)
      .end();
  });
}

export async function readEss(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<DoctorFacts["ess"]> {
  const names = ["HZN_ESS_API_ADDRESS", "HZN_ESS_CERT", "HZN_ESS_AUTH"] as const;
  const unset = names.filter((name) => !environment[name]);
  if (unset.length === names.length) return unknown("Horizon did not start this");
  const [socketPath = "", ...files] = names.map((name) => environment[name] ?? "");
  const problems = await Promise.all(
    files
      .filter((path) => path !== "")
      .map(async (path) => [path, await fileProblem(path)] as const),
  );
  const unreadable = problems.flatMap(([path, problem]) =>
    problem === undefined ? [] : [`${path} is ${problem}`],
  );
  const silence = socketPath === "" ? undefined : await silenceOf(socketPath, signal);
  return known({ unset, unreadable, silence });
}

async function silenceOf(socketPath: string, signal: AbortSignal): Promise<string | undefined> {
  const socket = connect(socketPath);
  try {
    await once(socket, "connect", { signal });
    return undefined;
  } catch (error) {
    return errorCode(error) ?? String(error);
  } finally {
    socket.destroy();
  }
}
