/** Checks of the service: containers, settings, cameras, hub, and what the agent itself says. */

import { findings } from "../../common/cameras/verdict.js";
import { type Check, check, error, outcome, warning, when } from "./check.js";
import type { ContainerFacts, DoctorFacts } from "./facts.js";

const MIB = 2 ** 20;
/** DeepStream's elements exchange frames through it. */
const LEAST_SHM_BYTES = 256 * MIB;
const MOST_RESTARTS = 3;
/** Horizon cancels an agreement whose containers do not run ten minutes after it was accepted; pulling images counts. */
const PULL_LIMIT_MS = 600_000;
const PULL_WARNING_MS = 420_000;

const containers = (facts: DoctorFacts) => facts.containers;
const horizon = (facts: DoctorFacts) => facts.horizon;
const agent = (facts: DoctorFacts) => facts.agent;

/** A check of each container that exists. */
function containerCheck(
  id: string,
  title: string,
  find: (container: ContainerFacts, facts: DoctorFacts) => ReturnType<typeof when>,
): Check {
  return check(id, title, containers, (all, facts) => all.flatMap((one) => find(one, facts)));
}

const DOCKER_ARCH: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

const CONTAINER_CHECKS: readonly Check[] = [
  check("containers-run", "agent and sidecar run", containers, (all) =>
    (["agent", "sidecar"] as const).flatMap((role) => {
      const own = all.filter((one) => one.role === role);
      return when(!own.some(({ status }) => status === "running"), () =>
        error(
          `the ${role}'s container ${own[0] === undefined ? "does not exist" : `is ${own[0].status}`}`,
          "hzn eventlog list says why Horizon does not run it; docker logs has its last lines",
        ),
      );
    }),
  ),
  containerCheck("containers-restart", "the containers stay up", ({ name, restarts }) =>
    when(restarts > MOST_RESTARTS, () =>
      warning(
        `${name} was restarted ${restarts} times`,
        `docker logs --tail 50 ${name} says why it ended`,
      ),
    ),
  ),
  containerCheck(
    "containers-healthy",
    "the containers are healthy",
    ({ name, health, healthDetail }) =>
      when(health === "unhealthy", () =>
        error(
          `${name} is unhealthy: ${healthDetail}`,
          `docker exec the agent's container: slipstream status names what does not work`,
        ),
      ),
  ),
  containerCheck("containers-memory", "no container ran out of memory", ({ name, outOfMemory }) =>
    when(outOfMemory, () =>
      error(
        `the kernel has ended ${name} because memory ran out`,
        "use fewer or smaller cameras, or a smaller model; raise the container's memory limit",
      ),
    ),
  ),
  containerCheck(
    "image-arch",
    "the images are for this machine",
    ({ name, imageArch }, { node }) => {
      const wanted = node.t === "known" ? DOCKER_ARCH[node.value.arch] : undefined;
      return when(wanted !== undefined && imageArch !== wanted, () =>
        error(
          `the image of ${name} is for ${imageArch}, and this machine is ${wanted}`,
          `publish the service for ${wanted}: make publish ARCH=${wanted}`,
        ),
      );
    },
  ),
  check("image-versions", "agent and sidecar have one version", containers, (all) => {
    const versions = [
      ...new Set(
        all.filter(({ status }) => status === "running").map(({ imageVersion }) => imageVersion),
      ),
    ];
    return when(versions.length > 1, () =>
      error(
        `images of versions ${versions.join(" and ")} run together`,
        "build and push both with make build push, and publish them",
      ),
    );
  }),
  check(
    "image-published",
    "what runs is what was published",
    ({ published }) => published,
    (digests, facts) =>
      facts.containers.t === "unknown"
        ? []
        : facts.containers.value.flatMap(({ name, digests: own }) =>
            when(own.length > 0 && !own.some((digest) => digests.includes(digest)), () =>
              error(
                `the image of ${name} is not the one that is published`,
                "publish the service again, or remove the image: docker image rm, then Horizon pulls it",
              ),
            ),
          ),
  ),
  containerCheck("shm-size", "the sidecar has shared memory", ({ role, name, shmBytes }) =>
    when(role === "sidecar" && shmBytes !== undefined && shmBytes < LEAST_SHM_BYTES, () =>
      error(
        `${name} has ${Math.floor((shmBytes ?? 0) / MIB)} MiB in /dev/shm`,
        'set "tmpfs": {"/dev/shm": "size=1g"} in the sidecar\'s deployment',
      ),
    ),
  ),
  check("run-volume", "agent and sidecar share a volume", containers, (all) => {
    const volumes = new Set(all.map(({ runVolume }) => runVolume));
    return when(all.length > 1 && (volumes.size > 1 || volumes.has(undefined)), () =>
      error(
        "agent and sidecar do not mount the same volume at /run/slipstream",
        'give both "binds": ["slipstream-run:/run/slipstream"] in the service definition',
      ),
    );
  }),
];

const SETTINGS_CHECKS: readonly Check[] = [
  check(
    "settings",
    "the settings are accepted",
    ({ settings }) => settings,
    ({ errors }) =>
      errors.map((line) => error(line, "correct it; docs/settings.md lists what is allowed")),
  ),
  check(
    "settings-warnings",
    "the settings have no warning",
    ({ settings }) => settings,
    ({ warnings }) =>
      warnings.map((line) =>
        warning(line, "slipstream settings show says where each value comes from"),
      ),
  ),
  check(
    "secrets-present",
    "every secret is there",
    ({ secrets }) => secrets,
    ({ missing }) =>
      missing.map((detail) =>
        error(
          detail,
          "hzn secretsmanager secret add, and SECRETS=NAME at publication (docs/hub.md)",
        ),
      ),
  ),
  check(
    "secrets-readable",
    "every secret can be read",
    ({ secrets }) => secrets,
    ({ unusable }) =>
      unusable.map((detail) =>
        error(
          detail,
          'a login is {"key": "USER", "value": "PASSWORD"}; set it again: hzn secretsmanager secret add',
        ),
      ),
  ),
  check(
    "model-present",
    "the model is there",
    ({ model }) => model,
    ({ path, lacks }) =>
      when(lacks.length > 0, () =>
        error(
          `${path} lacks ${lacks.join(", ")}`,
          "correct MODEL, or publish the model: make publish-model",
        ),
      ),
  ),
];

const CAMERA_CHECKS: readonly Check[] = [
  ...(
    [
      ["camera-name", "the cameras' names have addresses"],
      ["camera-reachable", "the cameras answer"],
      ["camera-protocol", "the cameras speak RTSP"],
      ["camera-certificate", "the cameras' certificates are trusted"],
      ["camera-login", "the cameras accept the logins"],
      ["camera-path", "the cameras have the streams"],
      ["camera-video", "the cameras offer video"],
      ["camera-codec", "the cameras' codecs can be decoded"],
      ["camera-clock", "the cameras' clocks are right"],
      ["camera-slow", "the cameras answer soon"],
    ] as const
  ).map(([id, title]) =>
    check(
      id,
      title,
      ({ cameras }) => cameras,
      (all) =>
        all.flatMap(({ id: camera, found }) =>
          found.t === "network"
            ? findings(found.probe)
                .filter(({ code }) => code === id)
                .map(({ severity, detail, cure }) => ({
                  severity,
                  detail: `camera ${camera}: ${detail}`,
                  cure,
                }))
            : [],
        ),
    ),
  ),
  check(
    "camera-file",
    "the cameras' files and devices are there",
    ({ cameras }) => cameras,
    (all) =>
      all.flatMap(({ id, uri, found }) =>
        when(found.t === "file" && found.problem !== undefined, () =>
          error(
            `camera ${id}: ${uri} is ${found.t === "file" ? found.problem : ""}`,
            "mount the file or device into the sidecar's container; a device needs the group video",
          ),
        ),
      ),
  ),
];

const HUB_CHECKS: readonly Check[] = [
  check(
    "ess-environment",
    "Horizon has named its sync service",
    ({ ess }) => ess,
    ({ unset }) =>
      when(unset.length > 0, () =>
        error(
          `${unset.join(", ")} is not set`,
          "Horizon sets them for the containers that it starts; set HUB=off for an agent without Horizon",
        ),
      ),
  ),
  check(
    "ess-credentials",
    "the sync service's files can be read",
    ({ ess }) => ess,
    ({ unreadable }) =>
      unreadable.map((detail) =>
        error(
          detail,
          "check the owner of /var/horizon/ess-auth and ess-cert; restart Horizon's agent: sudo systemctl restart horizon",
        ),
      ),
  ),
  check(
    "ess-answers",
    "the sync service answers",
    ({ ess }) => ess,
    ({ silence }) =>
      when(silence !== undefined, () =>
        error(
          `the Edge Sync Service does not answer: ${silence}`,
          "check that Horizon's agent runs: sudo systemctl status horizon",
        ),
      ),
  ),
  check("node-registered", "the node is registered", horizon, ({ configState }) =>
    when(configState !== "configured", () =>
      error(
        `the node is ${configState}`,
        "hzn register --policy node.policy.json, or make agent-run",
      ),
    ),
  ),
  check("agreement", "there is an agreement", horizon, ({ agreements, configState }) =>
    when(configState === "configured" && agreements.length === 0, () =>
      error(
        "the node has no agreement",
        "make deploy-check says which constraint does not match; hzn eventlog list says what was tried",
      ),
    ),
  ),
  check(
    "image-pull",
    "images are pulled within Horizon's ten minutes",
    horizon,
    ({ agreements }, { nowMs }) =>
      agreements.flatMap(({ service, acceptedMs, startedMs }) => {
        const tookMs = (startedMs ?? nowMs) - acceptedMs;
        const minutes = (tookMs / 60_000).toFixed(1);
        return when(tookMs > PULL_WARNING_MS, () =>
          startedMs === undefined && tookMs <= PULL_LIMIT_MS
            ? warning(
                `${service} has been starting for ${minutes} min, and Horizon cancels it after 10`,
                "pull the images beforehand: make pre-pull on the node",
              )
            : warning(
                `${service} needed ${minutes} min to start; Horizon cancels after 10`,
                "pull the images beforehand: make pre-pull on the node",
              ),
        );
      }),
  ),
  check("node-properties", "the node's policy is true", horizon, ({ properties }, { node }) => {
    if (node.t === "unknown") return [];
    return [...node.value.properties].flatMap(([name, value]) => {
      const registered = properties.get(name);
      // Free disk changes all the time.
      const differs =
        name !== "slipstream.free-disk" && registered !== undefined && registered !== value;
      return when(differs, () =>
        error(
          `the node's policy says ${name} is ${registered}, and it is ${value}`,
          "make node-policy on the node, then: hzn policy update -f node.policy.json",
        ),
      );
    });
  }),
  check(
    "node-runtime-property",
    "the node's policy names the runtime",
    horizon,
    ({ properties, configState }) =>
      when(configState === "configured" && properties.get("slipstream.runtime") !== "nvidia", () =>
        warning(
          "the node's policy does not say slipstream.runtime = nvidia, which the deployment policy asks for",
          "make node-policy on the node, then: hzn policy update -f node.policy.json",
        ),
      ),
  ),
];

const AGENT_CHECKS: readonly Check[] = [
  check("sidecar-connected", "the agent reaches the sidecar", agent, ({ sidecar }) =>
    when(!sidecar.connected, () =>
      error(
        `no worker answers the agent${sidecar.previousWorker === undefined ? "" : `; the last one ${sidecar.previousWorker}`}`,
        "check that the sidecar's container runs and mounts the same volume; its log says more",
      ),
    ),
  ),
  check("sidecar-version", "agent and sidecar are of one build", agent, ({ version, sidecar }) =>
    when(sidecar.version !== undefined && sidecar.version !== version, () =>
      error(
        `the agent is ${version}, and the sidecar ${sidecar.version}`,
        "build and push both with make build push, and publish them",
      ),
    ),
  ),
  check("engine", "the GPU is used", agent, ({ sidecar }, { node }) =>
    when(
      sidecar.engine === "cpu" &&
        node.t === "known" &&
        (node.value.gpus.length > 0 || node.value.l4t !== undefined),
      () =>
        warning(
          "this machine has an NVIDIA GPU, and engine cpu runs",
          "use the image with DeepStream; SLIPSTREAM_ENGINE=auto takes it where nvinfer is installed",
        ),
    ),
  ),
  check("pipeline", "the pipeline runs", agent, ({ pipeline }) =>
    when(pipeline.state === "failed", () =>
      error(
        `the pipeline has failed: ${pipeline.reason}: ${pipeline.detail}`,
        `docs/operations.md says what to do about ${pipeline.reason}`,
      ),
    ),
  ),
  check("frames-flow", "frames flow", agent, ({ readiness, pipeline }) =>
    pipeline.state === "failed"
      ? []
      : readiness.reasons.map(({ subject, reason }) =>
          error(`${subject}: ${reason}`, "docs/operations.md has the cure of each reason"),
        ),
  ),
  check("frames-dropped", "the machine keeps up", agent, ({ cameras }) =>
    cameras.flatMap(({ id, framesReceived, framesDropped }) =>
      when(framesReceived > 1000 && framesDropped > framesReceived / 5, () =>
        warning(
          `camera ${id}: ${Math.round((framesDropped / framesReceived) * 100)} % of its frames were dropped before detection`,
          "raise DETECTION_INTERVAL, or lower frame rate or size on the camera",
        ),
      ),
    ),
  ),
  check("trial", "no trial has failed", agent, ({ trials }) =>
    when(trials.state === "failed", () =>
      warning(
        `the newest settings, model or version have failed their trial: ${trials.faults.map(({ code, detail }) => `${code}: ${detail}`).join("; ")}`,
        "correct what is named, or relax the bound: docs/trials.md",
      ),
    ),
  ),
];

export const SERVICE_CHECKS: readonly Check[] = [
  ...CONTAINER_CHECKS,
  ...SETTINGS_CHECKS,
  ...CAMERA_CHECKS,
  ...HUB_CHECKS,
  {
    id: "agent-answers",
    title: "the agent answers",
    run: ({ agent, containers }) => {
      if (agent.t === "known") return { t: "passed" };
      const runs =
        containers.t === "known" &&
        containers.value.some(({ role, status }) => role === "agent" && status === "running");
      // Without a container, nobody has said that there should be an agent.
      if (!runs) return { t: "skipped", why: agent.why };
      return outcome([
        error(
          agent.why,
          "call it in the agent's container: docker exec CONTAINER slipstream doctor",
        ),
      ]);
    },
  },
  ...AGENT_CHECKS,
];
