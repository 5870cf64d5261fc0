/** Facts of a T4 server on which everything is right, for tests. */

import type { ApiState } from "../../../common/api/schema.js";
import type { CameraProbe } from "../../../common/cameras/rtsp-probe.js";
import type { ContainerFacts, DirectoryFacts, DoctorFacts } from "../facts.js";
import { known } from "../facts.js";

export const NOW_MS = Date.UTC(2026, 10, 30);

export const ANSWER: Extract<CameraProbe, { t: "answers" }> = {
  t: "answers",
  streams: [{ kind: "video", encoding: "H264" }],
  server: "cam",
  clockOffsetMs: 400,
  answerMs: 30,
};

export const STATE: ApiState = {
  time: new Date(NOW_MS).toISOString(),
  version: "1.2.3",
  sidecar: { connected: true, version: "1.2.3", engine: "deepstream" },
  pipeline: { state: "running" },
  readiness: { ready: true, reasons: [] },
  cameras: [
    {
      id: "front",
      state: "live",
      frameRate: 25,
      framesReceived: 10_000,
      framesDropped: 10,
      framesInferred: 9_990,
      reconnections: 0,
    },
  ],
  outputs: [],
  model: {},
  trials: { state: "passed", faults: [], failed: [], passedVersions: [], failedVersions: [] },
};

export function container(role: ContainerFacts["role"], change: Partial<ContainerFacts> = {}) {
  return {
    ...{ role, name: role, status: "running", restarts: 0, health: "healthy", healthDetail: "" },
    ...{ outOfMemory: false, imageArch: "amd64", imageVersion: "1.2.3" },
    ...{ digests: [`sha256:${role}`], shmBytes: 2 ** 30, runVolume: "slipstream-run" },
    ...change,
  } satisfies ContainerFacts;
}

export function directory(
  use: DirectoryFacts["use"],
  change: Partial<Extract<DirectoryFacts["found"], { t: "known" }>["value"]> = {},
): DirectoryFacts {
  const common = { writable: true, readable: true, owner: 10002, group: 10000, mode: 0o2770 };
  const space = { freeBytes: 50e9, freeInodes: 0.9 };
  const path = `/var/lib/${use}`;
  return {
    setting: use.toUpperCase(),
    path,
    use,
    found: known({ ...common, ...space, ...change }),
  };
}

export const HEALTHY: DoctorFacts = {
  node: known({
    arch: "x64",
    l4t: undefined,
    driver: "535.183.06",
    gpus: [{ name: "Tesla T4", memoryMiB: 15360 }],
    defaultRuntime: "nvidia",
    freeDiskGiB: 60,
    pciGpus: 1,
    nvidiaSmiError: undefined,
    properties: new Map([
      ["slipstream.board", "t4"],
      ["slipstream.free-disk", "60"],
    ]),
    unknownProperties: new Map([["slipstream.l4t", "this is not a Jetson"]]),
  }),
  docker: known({ silence: undefined, runtimes: ["runc", "nvidia"], freeInodes: 0.8 }),
  containers: known([container("agent"), container("sidecar")]),
  published: known(["sha256:agent", "sha256:sidecar"]),
  plugins: known({ missing: [], blacklisted: [] }),
  directories: [directory("state"), directory("models"), directory("run"), directory("secrets")],
  memory: known({ totalMiB: 32_000, availableMiB: 20_000 }),
  clock: known({ offsetMs: 300, against: "hub" }),
  nowMs: NOW_MS,
  ports: [{ setting: "RTSPOUTPUTPORTNUM", port: 8554, state: "in use" }],
  hubName: known({ host: "hub.example", resolves: true }),
  cameras: known([
    { id: "front", uri: "rtsp://cam/1", found: { t: "network", probe: ANSWER } },
    { id: "file", uri: "file:///a.mp4", found: { t: "file", problem: undefined } },
    { id: "night", uri: "rtsp://cam/2", found: { t: "off" } },
  ]),
  settings: known({ errors: [], warnings: [] }),
  secrets: known({ missing: [], unusable: [] }),
  model: known({ path: "/models/nanodet-coco", lacks: [] }),
  ess: known({ unset: [], unreadable: [], silence: undefined }),
  horizon: known({
    configState: "configured",
    agreements: [{ service: "slipstream", acceptedMs: NOW_MS - 90_000, startedMs: NOW_MS - 9_000 }],
    properties: new Map([
      ["slipstream.board", "t4"],
      ["slipstream.free-disk", "58"],
      ["slipstream.runtime", "nvidia"],
    ]),
  }),
  agent: known(STATE),
};
