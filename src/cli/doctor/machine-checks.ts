/** Checks of the machine: Docker, GPU, disk, memory, clock, ports. */

import { type Check, check, error, outcome, warning, when } from "./check.js";
import type { DirectoryFacts, DoctorFacts, Fact, NodeFacts } from "./facts.js";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** Images of agent and sidecar, and an upgrade beside them. */
const LEAST_DISK_GIB = 20;
const LEAST_STATE_BYTES = 100 * MIB;
const LEAST_MODEL_BYTES = GIB;
const LEAST_INODES = 0.05;
const LEAST_AVAILABLE_MIB = 500;
const MOST_CLOCK_OFFSET_MS = 5_000;
/** No build of this version is older. */
const BUILT_MS = Date.UTC(2025, 0, 1);
/** Group of both containers. */
const GROUP = 10000;
/** The agent opens a socket in one directory, and the sidecar reads the other. */
const GROUP_NEEDS: Readonly<Record<string, number>> = { run: 0o010, models: 0o050 };

const docker = (facts: DoctorFacts) => facts.docker;

function diskNode({ node }: DoctorFacts): Fact<NodeFacts> {
  if (node.t === "unknown" || node.value.freeDiskGiB !== undefined) return node;
  return { t: "unknown", why: "where Docker keeps images is unknown" };
}

/** Of a machine with an NVIDIA GPU; the others run engine cpu. */
function gpuNode({ node }: DoctorFacts): Fact<NodeFacts> {
  if (node.t === "unknown" || hasGpu(node.value)) return node;
  return { t: "unknown", why: "this machine has no NVIDIA GPU" };
}

function hasGpu({ gpus, l4t, pciGpus }: NodeFacts): boolean {
  return gpus.length > 0 || l4t !== undefined || pciGpus > 0;
}

export const MACHINE_CHECKS: readonly Check[] = [
  check("docker-access", "this user may ask Docker", docker, ({ silence }) =>
    when(silence === "refused", () =>
      error(
        "Docker's socket refuses this user",
        "run slipstream doctor as root, or add the user to the group docker",
      ),
    ),
  ),
  check(
    "docker-nvidia-runtime",
    "Docker has NVIDIA's runtime",
    docker,
    ({ runtimes, silence }, facts) =>
      when(
        silence === undefined && gpuNode(facts).t === "known" && !runtimes.includes("nvidia"),
        () =>
          error(
            "Docker has no runtime nvidia",
            "install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
          ),
      ),
  ),
  check(
    "docker-default-runtime",
    "NVIDIA's runtime is Docker's default",
    gpuNode,
    ({ defaultRuntime }) =>
      when(defaultRuntime !== "nvidia", () =>
        error(
          `Docker's default runtime is ${defaultRuntime ?? "not set"}: Horizon cannot ask for another`,
          "sudo nvidia-ctk runtime configure --runtime=docker --set-as-default && sudo systemctl restart docker",
        ),
      ),
  ),
  check("docker-disk", "Docker has disk space for an upgrade", diskNode, ({ freeDiskGiB }) =>
    when(freeDiskGiB !== undefined && freeDiskGiB < LEAST_DISK_GIB, () =>
      warning(
        `${freeDiskGiB} GiB are free where Docker keeps images`,
        `free ${LEAST_DISK_GIB} GiB: docker image prune --all removes images that no container uses`,
      ),
    ),
  ),
  check("docker-inodes", "Docker's disk has inodes", docker, ({ freeInodes }) =>
    when(freeInodes !== undefined && freeInodes < LEAST_INODES, () =>
      error(
        `${percent(freeInodes)} of the inodes are free where Docker keeps images`,
        "remove directories with many small files; docker system prune helps",
      ),
    ),
  ),
  check("gpu-driver", "the GPU has a driver", gpuNode, ({ pciGpus, driver, l4t }) =>
    when(pciGpus > 0 && driver === undefined && l4t === undefined, () =>
      error(
        "there is an NVIDIA GPU, and no driver of NVIDIA is loaded",
        "install NVIDIA's data centre driver 535 (nvidia-driver-535-server), then restart",
      ),
    ),
  ),
  check("gpu-answers", "nvidia-smi sees the GPU", gpuNode, ({ nvidiaSmiError }) =>
    when(nvidiaSmiError !== undefined, () =>
      error(
        `nvidia-smi fails: ${nvidiaSmiError}`,
        "restart the machine if the driver was upgraded; look for Xid in dmesg",
      ),
    ),
  ),
  check(
    "deepstream-driver",
    "driver or JetPack fit the image",
    gpuNode,
    ({ driver, l4t, unknownProperties }) => {
      const why = unknownProperties.get("slipstream.deepstream");
      return when(why !== undefined && (driver !== undefined || l4t !== undefined), () =>
        l4t === undefined
          ? error(
              `no image runs here: ${why}`,
              "install driver 535.183.06 or later in that branch, or 560.35.03 or later",
            )
          : error(
              `no image runs here: ${why}`,
              "flash JetPack 4.6.x (Nano) or JetPack 6.1 or 6.2 (Orin Nano)",
            ),
      );
    },
  ),
  check("board-known", "the board is supported", gpuNode, ({ unknownProperties }) => {
    const why = unknownProperties.get("slipstream.board");
    return when(why !== undefined, () =>
      warning(
        `Slipstream is not tested on this board: ${why}`,
        "try it, and say in the node policy where it may run",
      ),
    );
  }),
  check("gpu-memory", "the GPU has memory for a model", gpuNode, ({ gpus: [gpu] }) =>
    when(gpu?.memoryMiB !== undefined && gpu.memoryMiB < 2000, () =>
      warning(
        `the first GPU has ${gpu?.memoryMiB} MiB of memory`,
        "use a smaller model and fewer cameras",
      ),
    ),
  ),
  check(
    "deepstream-plugins",
    "DeepStream's elements are installed",
    ({ plugins }) => plugins,
    ({ missing }) =>
      when(missing.length > 0, () =>
        error(
          `GStreamer does not have ${missing.join(", ")}`,
          "use the image for this board; check that the container has NVIDIA's runtime",
        ),
      ),
  ),
  check(
    "gstreamer-blacklist",
    "GStreamer has blacklisted no plugin",
    ({ plugins }) => plugins,
    ({ blacklisted }) =>
      when(blacklisted.length > 0, () =>
        error(
          `GStreamer cannot load ${blacklisted.join(", ")}`,
          "check the default runtime and the driver, then remove ~/.cache/gstreamer-1.0 in the sidecar's container",
        ),
      ),
  ),
  check(
    "memory",
    "memory is available",
    ({ memory }) => memory,
    ({ availableMiB, totalMiB }) =>
      when(availableMiB < LEAST_AVAILABLE_MIB, () =>
        error(
          `${availableMiB} of ${totalMiB} MiB of memory are available`,
          "end other programs, use fewer or smaller cameras, or add swap (a Nano: 4 GiB)",
        ),
      ),
  ),
  {
    id: "clock-plausible",
    title: "the clock is set",
    run: ({ nowMs }) =>
      outcome(
        when(nowMs < BUILT_MS, () =>
          error(
            `the clock says ${new Date(nowMs).toISOString().slice(0, 10)}`,
            "set it: sudo timedatectl set-ntp true; check the battery of the board's clock",
          ),
        ),
      ),
  },
  check(
    "clock-offset",
    "the clock agrees with the hub's",
    ({ clock }) => clock,
    ({ offsetMs, against }) =>
      when(Math.abs(offsetMs) > MOST_CLOCK_OFFSET_MS, () =>
        error(
          `the clock is ${Math.round(Math.abs(offsetMs) / 1000)} s ${offsetMs > 0 ? "ahead of" : "behind"} that of ${against}`,
          "sudo timedatectl set-ntp true, and allow NTP (UDP 123) through the firewall",
        ),
      ),
  ),
  check(
    "hub-name",
    "the hub's name has an address",
    ({ hubName }) => hubName,
    ({ host, resolves }) =>
      when(!resolves, () =>
        error(
          `no address is known for ${host}`,
          "check the node's DNS server: resolvectl status; correct HZN_EXCHANGE_URL in /etc/default/horizon",
        ),
      ),
  ),
  {
    id: "ports",
    title: "the ports are free, or Slipstream has them",
    run: ({ ports, agent, containers }) => {
      if (ports.length === 0) return { t: "skipped", why: "the settings cannot be read" };
      const runs =
        agent.t === "known" ||
        (containers.t === "known" && containers.value.some(({ status }) => status === "running"));
      return outcome(
        ports.flatMap(({ port, setting, state }) => [
          ...when(state === "in use" && !runs, () =>
            error(
              `another program uses port ${port} (${setting})`,
              `find it with: sudo ss -ltnp 'sport = :${port}'; stop it, or change ${setting}`,
            ),
          ),
          ...when(state === "not allowed", () =>
            error(
              `this user may not use port ${port} (${setting})`,
              `set ${setting} to a port above 1023`,
            ),
          ),
        ]),
      );
    },
  },
  directoryCheck(
    "directory-present",
    "the agent's directories are there",
    ({ found, use, path, setting }) =>
      when(found.t === "unknown" && use !== "secrets", () =>
        warning(
          `${path} (${setting}) ${found.t === "unknown" ? found.why : ""}`,
          "make init on the node creates it; Docker creates volumes when the service starts",
        ),
      ),
  ),
  directoryCheck(
    "directory-owner",
    "the agent may write to its directories",
    ({ found, use, path, setting }) =>
      when(
        found.t === "known" && (use === "state" || use === "models") && !found.value.writable,
        () => {
          const owner = found.t === "known" ? `${found.value.owner}:${found.value.group}` : "";
          return error(
            `${path} (${setting}) belongs to ${owner}, and this user cannot write to it`,
            "sudo chown -R 10001:10000 the volume's directory (docker volume inspect shows it)",
          );
        },
      ),
  ),
  directoryCheck("directory-group", "agent and sidecar share a group", ({ found, use, path }) =>
    when(
      found.t === "known" &&
        found.value.group === GROUP &&
        (found.value.mode & (GROUP_NEEDS[use] ?? 0)) !== (GROUP_NEEDS[use] ?? 0),
      () =>
        error(
          `${path} is closed to its group, which the ${use === "run" ? "agent" : "sidecar"} is in`,
          `sudo chmod ${use === "run" ? "g+x" : "g+rx"} ${path}`,
        ),
    ),
  ),
  directoryCheck(
    "directory-disk",
    "there is disk space for state and models",
    ({ found, use, path, setting }) => {
      const least = use === "models" ? LEAST_MODEL_BYTES : LEAST_STATE_BYTES;
      return when(
        found.t === "known" && use !== "secrets" && use !== "run" && found.value.freeBytes < least,
        () =>
          error(
            `${path} (${setting}) has ${Math.floor((found.t === "known" ? found.value.freeBytes : 0) / MIB)} MiB free`,
            "free space, or lower MODELS_MAX_BYTES and the maxBytes of recordings",
          ),
      );
    },
  ),
  directoryCheck(
    "directory-inodes",
    "there are inodes for state and models",
    ({ found, use, path }) =>
      when(
        found.t === "known" &&
          use !== "secrets" &&
          found.value.freeInodes !== undefined &&
          found.value.freeInodes < LEAST_INODES,
        () =>
          error(
            `${path} has ${percent(found.t === "known" ? found.value.freeInodes : 0)} of its inodes free`,
            "remove directories with many small files on that file system",
          ),
      ),
  ),
];

/** A check of every directory that the agent uses. */
function directoryCheck(
  id: string,
  title: string,
  find: (directory: DirectoryFacts) => ReturnType<typeof when>,
): Check {
  return {
    id,
    title,
    run: ({ directories }) =>
      directories.some(({ found }) => found.t === "known")
        ? outcome(directories.flatMap(find))
        : { t: "skipped", why: "this machine has none of the agent's directories" },
  };
}

function percent(share: number | undefined): string {
  return `${Math.round((share ?? 0) * 100)} %`;
}
