/** What Docker's engine says about itself and about Slipstream's containers. */

import { statfs } from "node:fs/promises";
import { request } from "node:http";
import { text as wholeText } from "node:stream/consumers";
import { z } from "zod";
import { errorCode } from "../../common/files/read.js";
import { plainText } from "../../common/plain-text.js";
import { type ContainerFacts, type DockerFacts, type Fact, known, unknown } from "./facts.js";

const infoSchema = z.object({
  Runtimes: z.record(z.string(), z.unknown()).nullish(),
  DockerRootDir: z.string().default("/var/lib/docker"),
});
const listSchema = z.array(
  z.object({ Id: z.string(), Labels: z.record(z.string(), z.string()).nullish() }),
);
const containerSchema = z.object({
  Name: z.string(),
  Image: z.string(),
  RestartCount: z.number().default(0),
  State: z.object({
    Status: z.string(),
    OOMKilled: z.boolean().default(false),
    Health: z
      .object({
        Status: z.string(),
        Log: z.array(z.object({ Output: z.string() })).nullish(),
      })
      .nullish(),
  }),
  HostConfig: z.object({
    ShmSize: z.number().optional(),
    Tmpfs: z.record(z.string(), z.string()).nullish(),
  }),
  Mounts: z
    .array(
      z.object({
        Destination: z.string(),
        Name: z.string().optional(),
        Source: z.string().optional(),
      }),
    )
    .nullish(),
});
const imageSchema = z.object({
  Architecture: z.string(),
  RepoDigests: z.array(z.string()).nullish(),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});

/** Labels of the images, from the Dockerfiles. */
const TITLE = "org.opencontainers.image.title";
const VERSION = "org.opencontainers.image.version";
const ROLES: Readonly<Record<string, ContainerFacts["role"]>> = {
  "Slipstream agent": "agent",
  "Slipstream sidecar": "sidecar",
};

interface Read {
  readonly docker: DockerFacts;
  readonly containers: Fact<readonly ContainerFacts[]>;
}

export async function readDocker(socketPath: string, signal: AbortSignal): Promise<Fact<Read>> {
  const get = async (path: string): Promise<unknown> =>
    JSON.parse(await ask(socketPath, path, signal));
  let info: z.output<typeof infoSchema>;
  try {
    info = infoSchema.parse(await get("/info"));
  } catch (error) {
    if (errorCode(error) !== "EACCES") return unknown("Docker does not answer on its socket");
    const docker = { silence: "refused", runtimes: [], freeInodes: undefined } as const;
    return known({ docker, containers: unknown("Docker's socket refuses this user") });
  }
  const list = listSchema.parse(await get("/containers/json?all=1"));
  const own = list.flatMap(({ Id, Labels }) => {
    const role = ROLES[Labels?.[TITLE] ?? ""];
    return role === undefined ? [] : [{ Id, role }];
  });
  const containers = await Promise.all(
    own.map(async ({ Id, role }) => {
      const container = containerSchema.parse(await get(`/containers/${Id}/json`));
      const image = imageSchema.parse(await get(`/images/${container.Image}/json`));
      return containerFacts(role, container, image);
    }),
  );
  return known({
    docker: {
      silence: undefined,
      runtimes: Object.keys(info.Runtimes ?? {}),
      freeInodes: await freeInodes(info.DockerRootDir),
    },
    containers:
      containers.length === 0
        ? unknown("Docker has no container of Slipstream")
        : known(containers),
  });
}

function containerFacts(
  role: ContainerFacts["role"],
  { Name, RestartCount, State, HostConfig, Mounts }: z.output<typeof containerSchema>,
  { Architecture, RepoDigests, Config }: z.output<typeof imageSchema>,
): ContainerFacts {
  const volume = Mounts?.find(({ Destination }) => Destination === "/run/slipstream");
  const log = State.Health?.Log?.at(-1)?.Output ?? "";
  return {
    role,
    name: Name.replace(/^\//, ""),
    status: State.Status,
    restarts: RestartCount,
    health: State.Health?.Status,
    healthDetail: plainText(log.trim().split("\n").at(-1) ?? ""),
    outOfMemory: State.OOMKilled,
    imageArch: Architecture,
    imageVersion: Config?.Labels?.[VERSION] ?? "unknown",
    digests: (RepoDigests ?? []).map((one) => one.replace(/^.*@/, "")),
    shmBytes: tmpfsBytes(HostConfig.Tmpfs?.["/dev/shm"]) ?? HostConfig.ShmSize,
    runVolume: volume?.Name ?? volume?.Source,
  };
}

/** size=1g, size=64m, size=67108864. */
export function tmpfsBytes(options: string | undefined): number | undefined {
  const [, digits, unit = ""] = /(?:^|,)size=(\d+)([kmg]?)/i.exec(options ?? "") ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * 1024 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase());
}

async function freeInodes(directory: string): Promise<number | undefined> {
  const found = await statfs(directory).catch(() => undefined);
  return found === undefined || found.files === 0 ? undefined : found.ffree / found.files;
}

function ask(socketPath: string, path: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, signal }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        reject(new Error(`Docker answers ${response.statusCode} to ${path}`));
        return;
      }
      wholeText(response).then(resolve, reject);
    })
      .once("error", reject)
      .end();
  });
}
