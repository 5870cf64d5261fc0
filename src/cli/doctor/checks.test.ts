import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CameraProbe } from "../../common/cameras/rtsp-probe.js";
import { CHECKS, diagnose } from "./diagnose.js";
import type { DoctorFacts, Fact } from "./facts.js";
import { known, unknown } from "./facts.js";
import { ANSWER, container, directory, HEALTHY, NOW_MS, STATE } from "./testing/healthy.js";

type Change = Partial<DoctorFacts>;

/** A fact of the healthy machine with some values changed. */
function changed<T>(fact: Fact<T>, change: Partial<T>): Fact<T> {
  assert.ok(fact.t === "known");
  return known({ ...fact.value, ...change });
}

const node = (change: object): Change => ({ node: changed(HEALTHY.node, change) });
const jetson = (why: string): Change =>
  node({
    l4t: "35.4.1",
    driver: undefined,
    gpus: [],
    pciGpus: 0,
    unknownProperties: new Map([["slipstream.deepstream", why]]),
  });
const sidecar = (change: Parameters<typeof container>[1]): Change => ({
  containers: known([container("agent"), container("sidecar", change)]),
});
const camera = (probe: CameraProbe): Change => ({
  cameras: known([{ id: "front", uri: "rtsp://cam/1", found: { t: "network", probe } }]),
});
const horizon = (change: object): Change => ({ horizon: changed(HEALTHY.horizon, change) });
const agent = (change: Partial<typeof STATE>): Change => ({
  agent: known({ ...STATE, ...change }),
});
const why = (name: string, text: string) => ({ unknownProperties: new Map([[name, text]]) });
const minutesAgo = (minutes: number) => NOW_MS - minutes * 60_000;

/** For each check, what makes it fail, and what it says then. */
const FAILURES: Readonly<Record<string, readonly (readonly [Change, RegExp])[]>> = {
  "docker-access": [
    [{ docker: changed(HEALTHY.docker, { silence: "refused" }) }, /refuses this user/],
  ],
  "docker-nvidia-runtime": [
    [{ docker: changed(HEALTHY.docker, { runtimes: ["runc"] }) }, /no runtime nvidia/],
  ],
  "docker-default-runtime": [
    [node({ defaultRuntime: "runc" }), /default runtime is runc/],
    [node({ defaultRuntime: undefined }), /default runtime is not set/],
  ],
  "docker-disk": [[node({ freeDiskGiB: 3 }), /3 GiB are free/]],
  "docker-inodes": [
    [{ docker: changed(HEALTHY.docker, { freeInodes: 0.01 }) }, /1 % of the inodes/],
  ],
  "gpu-driver": [[node({ driver: undefined, gpus: [] }), /no driver of NVIDIA is loaded/]],
  "gpu-answers": [
    [node({ nvidiaSmiError: "Driver/library version mismatch" }), /nvidia-smi fails: Driver/],
  ],
  "deepstream-driver": [
    [
      node(why("slipstream.deepstream", "7.1 needs driver 535.183.06")),
      /no image runs here: 7.1 needs/,
    ],
    [jetson("neither 6.0.1 nor 7.1 runs on L4T 35.4.1"), /no image runs here: neither/],
  ],
  "board-known": [
    [node(why("slipstream.board", 'Slipstream does not know the GPU "A2"')), /not tested/],
  ],
  "gpu-memory": [[node({ gpus: [{ name: "T400", memoryMiB: 1900 }] }), /has 1900 MiB/]],
  "deepstream-plugins": [
    [{ plugins: known({ missing: ["nvinfer"], blacklisted: [] }) }, /does not have nvinfer/],
  ],
  "gstreamer-blacklist": [
    [
      { plugins: known({ missing: [], blacklisted: ["libnvdsgst_infer.so"] }) },
      /cannot load libnvdsgst_infer/,
    ],
  ],
  memory: [[{ memory: known({ totalMiB: 3964, availableMiB: 200 }) }, /200 of 3964 MiB/]],
  "clock-plausible": [[{ nowMs: 0 }, /the clock says 1970-01-01/]],
  "clock-offset": [
    [{ clock: known({ offsetMs: -90_000, against: "hub" }) }, /90 s behind that of hub/],
    [{ clock: known({ offsetMs: 90_000, against: "hub" }) }, /90 s ahead of that of hub/],
  ],
  "hub-name": [
    [
      { hubName: known({ host: "hub.example", resolves: false }) },
      /no address is known for hub.example/,
    ],
  ],
  ports: [
    [{ agent: unknown("it does not"), containers: known([]) }, /another program uses port 8554/],
    [
      { ports: [{ setting: "RTSPOUTPUTPORTNUM", port: 554, state: "not allowed" }] },
      /may not use port 554/,
    ],
  ],
  "directory-present": [
    [
      {
        directories: [
          { ...directory("models"), found: unknown("does not exist") },
          directory("state"),
        ],
      },
      /does not exist/,
    ],
  ],
  "directory-owner": [
    [
      { directories: [directory("state", { writable: false, owner: 0, group: 0 })] },
      /belongs to 0:0/,
    ],
  ],
  "directory-group": [
    [
      { directories: [directory("run", { mode: 0o2700 })] },
      /closed to its group, which the agent is in/,
    ],
  ],
  "directory-disk": [
    [{ directories: [directory("models", { freeBytes: 5e8 })] }, /has 476 MiB free/],
  ],
  "directory-inodes": [
    [{ directories: [directory("state", { freeInodes: 0 })] }, /0 % of its inodes/],
  ],
  "containers-run": [
    [{ containers: known([container("agent")]) }, /sidecar's container does not exist/],
    [sidecar({ status: "exited" }), /sidecar's container is exited/],
  ],
  "containers-restart": [[sidecar({ restarts: 9 }), /restarted 9 times/]],
  "containers-healthy": [
    [
      sidecar({ health: "unhealthy", healthDetail: "frames do not flow" }),
      /unhealthy: frames do not/,
    ],
  ],
  "containers-memory": [[sidecar({ outOfMemory: true }), /memory ran out/]],
  "image-arch": [[sidecar({ imageArch: "arm64" }), /for arm64, and this machine is amd64/]],
  "image-versions": [[sidecar({ imageVersion: "1.0.0" }), /1.2.3 and 1.0.0 run together/]],
  "image-published": [[sidecar({ digests: ["sha256:other"] }), /not the one that is published/]],
  "shm-size": [[sidecar({ shmBytes: 64 * 2 ** 20 }), /64 MiB in \/dev\/shm/]],
  "run-volume": [
    [sidecar({ runVolume: "other" }), /do not mount the same volume/],
    [sidecar({ runVolume: undefined }), /do not mount the same volume/],
  ],
  settings: [
    [{ settings: known({ errors: ["environment: BITRATE: is x"], warnings: [] }) }, /BITRATE/],
  ],
  "settings-warnings": [
    [{ settings: known({ errors: [], warnings: ["everybody may watch"] }) }, /everybody/],
  ],
  "secrets-present": [
    [{ secrets: known({ missing: ["secret cam is missing"], unusable: [] }) }, /cam is missing/],
  ],
  "secrets-readable": [
    [{ secrets: known({ missing: [], unusable: ["secret cam: is empty"] }) }, /is empty/],
  ],
  "model-present": [
    [{ model: known({ path: "/models/x", lacks: ["config_infer.txt"] }) }, /lacks config_infer/],
  ],
  "camera-name": [
    [camera({ t: "no such host", host: "cam" }), /front: no address is known for cam/],
  ],
  "camera-reachable": [
    [camera({ t: "unreachable", detail: "ECONNREFUSED" }), /nothing answers \(ECONNREFUSED/],
  ],
  "camera-protocol": [[camera({ t: "not rtsp", detail: "HTTP" }), /not RTSP/]],
  "camera-certificate": [[camera({ t: "certificate", detail: "DEPTH_ZERO" }), /not trusted/]],
  "camera-login": [
    [camera({ t: "login refused", hasLogin: true }), /refuses the user name/],
    [camera({ t: "login refused", hasLogin: false }), /requires a login/],
  ],
  "camera-path": [[camera({ t: "refused", status: 404, detail: "Not Found" }), /404 Not Found/]],
  "camera-video": [
    [
      camera({ ...ANSWER, streams: [{ kind: "audio", encoding: "PCMU" }] }),
      /offers audio, and no video/,
    ],
    [camera({ ...ANSWER, streams: [] }), /offers nothing, and no video/],
  ],
  "camera-codec": [
    [camera({ ...ANSWER, streams: [{ kind: "video", encoding: "VP8" }] }), /sends VP8/],
  ],
  "camera-clock": [[camera({ ...ANSWER, clockOffsetMs: -3_600_000 }), /3600 s behind/]],
  "camera-slow": [[camera({ ...ANSWER, answerMs: 4500 }), /took 4.5 s/]],
  "camera-file": [
    [
      {
        cameras: known([
          { id: "usb", uri: "/dev/video0", found: { t: "file", problem: "absent" } },
        ]),
      },
      /video0 is absent/,
    ],
  ],
  "ess-environment": [
    [{ ess: changed(HEALTHY.ess, { unset: ["HZN_ESS_AUTH"] }) }, /HZN_ESS_AUTH is not set/],
  ],
  "ess-credentials": [
    [{ ess: changed(HEALTHY.ess, { unreadable: ["/ess-auth: EACCES"] }) }, /EACCES/],
  ],
  "ess-answers": [
    [{ ess: changed(HEALTHY.ess, { silence: "ECONNREFUSED" }) }, /does not answer: ECONN/],
  ],
  "node-registered": [
    [horizon({ configState: "unconfigured", agreements: [] }), /node is unconfigured/],
  ],
  agreement: [[horizon({ agreements: [] }), /no agreement/]],
  "image-pull": [
    [
      horizon({ agreements: [{ service: "s", acceptedMs: minutesAgo(8), startedMs: undefined }] }),
      /starting for 8.0 min/,
    ],
    [
      horizon({
        agreements: [{ service: "s", acceptedMs: minutesAgo(60), startedMs: minutesAgo(51) }],
      }),
      /needed 9.0 min/,
    ],
  ],
  "node-properties": [
    [
      horizon({
        properties: new Map([
          ["slipstream.runtime", "nvidia"],
          ["slipstream.board", "nano"],
        ]),
      }),
      /board is nano, and it is t4/,
    ],
  ],
  "node-runtime-property": [[horizon({ properties: new Map() }), /slipstream.runtime = nvidia/]],
  "agent-answers": [
    [
      { agent: unknown("the agent does not answer at /run/agent.sock: ENOENT") },
      /does not answer at/,
    ],
  ],
  "sidecar-connected": [
    [
      agent({ sidecar: { connected: false, previousWorker: "exited with SIGSEGV" } }),
      /the last one exited with SIGSEGV/,
    ],
  ],
  "sidecar-version": [
    [agent({ sidecar: { connected: true, version: "1.0.0" } }), /1.2.3, and the sidecar 1.0.0/],
  ],
  engine: [
    [agent({ sidecar: { connected: true, version: "1.2.3", engine: "cpu" } }), /engine cpu runs/],
  ],
  pipeline: [
    [
      agent({ pipeline: { state: "failed", reason: "gpu", detail: "it is gone" } }),
      /failed: gpu: it is gone/,
    ],
  ],
  "frames-flow": [
    [
      agent({
        readiness: {
          ready: false,
          reasons: [{ subject: "camera front", reason: "lost: timeout" }],
        },
      }),
      /front: lost: timeout/,
    ],
  ],
  "frames-dropped": [
    [
      agent({ cameras: STATE.cameras.map((one) => ({ ...one, framesDropped: 5_000 })) }),
      /50 % of its frames/,
    ],
  ],
  trial: [
    [
      agent({
        trials: {
          ...STATE.trials,
          state: "failed",
          faults: [{ code: "slower", detail: "9 of 25" }],
        },
      }),
      /slower: 9 of 25/,
    ],
  ],
};

const MACHINE_WITHOUT_ANYTHING: DoctorFacts = {
  ...HEALTHY,
  node: changed(HEALTHY.node, {
    driver: undefined,
    gpus: [],
    pciGpus: 0,
    defaultRuntime: undefined,
    freeDiskGiB: undefined,
    properties: new Map(),
    unknownProperties: new Map(),
  }),
  docker: unknown("Docker does not answer on its socket"),
  containers: unknown("Docker does not answer on its socket"),
  published: unknown("there is no hzn here"),
  plugins: unknown("there is no gst-inspect-1.0 here"),
  directories: [],
  clock: unknown("HZN_EXCHANGE_URL is not set"),
  hubName: unknown("HZN_EXCHANGE_URL is not set"),
  cameras: unknown("RTSPINPUT is not set"),
  settings: unknown("RTSPINPUT is not set"),
  secrets: unknown("RTSPINPUT is not set"),
  model: unknown("RTSPINPUT is not set"),
  ess: unknown("Horizon did not start this"),
  horizon: unknown("there is no hzn here"),
  agent: unknown("the agent does not answer"),
  ports: [],
};

describe("the doctor", () => {
  it("finds nothing on a machine on which everything is right", () => {
    const wrong = diagnose(HEALTHY).filter(({ outcome }) => outcome.t !== "passed");
    assert.deepEqual(wrong, []);
  });

  it("has at least thirty checks, each with what makes it fail", () => {
    assert.ok(CHECKS.length >= 30);
    assert.deepEqual(CHECKS.map(({ id }) => id).sort(), Object.keys(FAILURES).sort());
  });

  for (const [id, failures] of Object.entries(FAILURES)) {
    for (const [change, text] of failures) {
      it(`${id}: ${text.source}`, () => {
        const results = diagnose({ ...HEALTHY, ...change });
        const outcome = results.find((result) => result.check.id === id)?.outcome;
        assert.ok(outcome?.t === "complaints", `${id} is ${outcome?.t}`);
        const [complaint] = outcome.complaints;
        assert.match(complaint?.detail ?? "", text);
        assert.ok((complaint?.cure.length ?? 0) > 10);
        for (const { detail, cure } of outcome.complaints) assert.doesNotMatch(detail + cure, /\n/);
      });
    }
  }

  it("says what it has skipped, and why, on a machine without Docker, GPU and Horizon", () => {
    const results = diagnose(MACHINE_WITHOUT_ANYTHING);
    assert.deepEqual(
      results.filter(({ outcome }) => outcome.t === "complaints"),
      [],
    );
    const passed = results.filter(({ outcome }) => outcome.t === "passed");
    assert.deepEqual(
      passed.map(({ check }) => check.id),
      ["memory", "clock-plausible"],
    );
    for (const { outcome } of results) {
      if (outcome.t === "skipped") assert.ok(outcome.why.length > 5);
    }
  });
});
