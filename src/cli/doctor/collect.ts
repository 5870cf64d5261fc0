/**
 * Finds out the facts for the doctor. Each question has a time limit of its own, and one that has no answer becomes an unknown
 * fact: nothing here fails, hangs or changes anything on the machine.
 */

import type { ApiState } from "../../common/api/schema.js";
import { stateSchema } from "../../common/api/schema.js";
import { probeCamera } from "../../common/cameras/rtsp-probe.js";
import type { Config } from "../../common/settings/config.js";
import { settings } from "../../common/settings/environment-settings.js";
import { parseListenAddress } from "../../common/settings/listen-address.js";
import { type AgentFlags, agentAddress, ask } from "../node/agent-options.js";
import { readDocker } from "./collect-docker.js";
import { readHorizon, readPublished } from "./collect-horizon.js";
import {
  fileProblem,
  readDirectories,
  readEss,
  readGpu,
  readHub,
  readMemory,
  readPorts,
} from "./collect-machine.js";
import { readPlugins } from "./collect-plugins.js";
import { readSettings, type SettingsFacts } from "./collect-settings.js";
import {
  type CameraFacts,
  type DoctorFacts,
  type Fact,
  known,
  type NodeFacts,
  unknown,
} from "./facts.js";

export interface CollectOptions extends AgentFlags {
  readonly environment: NodeJS.ProcessEnv;
  /** What the machine shows of itself: the probe of the node policy. */
  readonly readNode: () => Promise<Omit<NodeFacts, "pciGpus" | "nvidiaSmiError">>;
  readonly dockerSocket: string;
}

/** For each question. */
const LIMIT_MS = 8_000;
/** Cameras that are asked at the same time. */
const MOST_AT_ONCE = 8;

/** Throws only the signal's reason, once that is aborted. */
export async function collect(options: CollectOptions, signal: AbortSignal): Promise<DoctorFacts> {
  const { environment, readNode, dockerSocket } = options;
  const within = <T>(what: string, read: (limit: AbortSignal) => Promise<Fact<T>>) =>
    bounded(what, read, signal);
  const docker = within("Docker", (limit) => readDocker(dockerSocket, limit));
  const ofContainers = docker.then((fact): DoctorFacts["containers"] =>
    fact.t === "unknown" ? fact : fact.value.containers,
  );
  const [
    node,
    engine,
    containers,
    published,
    plugins,
    memory,
    hub,
    ess,
    horizon,
    agent,
    fromSettings,
  ] = await Promise.all([
    within("the machine", async () => known({ ...(await readNode()), ...(await readGpu()) })),
    docker.then((fact) => (fact.t === "unknown" ? fact : known(fact.value.docker))),
    ofContainers,
    within("the Exchange", (limit) => readPublished(environment, limit)),
    ofContainers.then((all) => within("GStreamer", (limit) => readPlugins(all, limit))),
    within("the machine", () => readMemory()),
    within("the hub", (limit) => readHub(environment, limit)),
    within("the Edge Sync Service", (limit) => readEss(environment, limit)),
    within("hzn", (limit) => readHorizon(environment, limit)),
    within("the agent", (limit) => readAgent(options, limit)),
    within("the settings", (limit) => readSettings(environment, limit)).then((fact) =>
      ofSettings(fact, signal),
    ),
  ]);
  signal.throwIfAborted();
  return {
    ...{ node, docker: engine, containers, published, plugins, memory, ess, horizon, agent },
    ...(hub.t === "unknown" ? { clock: hub, hubName: hub } : hub.value),
    ...fromSettings,
    nowMs: Date.now(),
  };
}

/** What only the settings of an agent name. */
async function ofSettings(
  fact: Fact<SettingsFacts>,
  signal: AbortSignal,
): Promise<
  Pick<DoctorFacts, "settings" | "secrets" | "model" | "cameras" | "directories" | "ports">
> {
  if (fact.t === "unknown") {
    return {
      settings: fact,
      secrets: fact,
      model: fact,
      cameras: fact,
      directories: [],
      ports: [],
    };
  }
  const { config, cameras, ...rest } = fact.value;
  return {
    ...rest,
    cameras: cameras.t === "unknown" ? cameras : known(await askAll(cameras.value, signal)),
    directories: config === undefined ? [] : await readDirectories(config),
    ports: config === undefined ? [] : await readPorts(portsOf(config)),
  };
}

function portsOf(config: Config): { setting: string; port: number }[] {
  const http = parseListenAddress(config.httpAddress);
  return [
    ...(config.output === "rtsp"
      ? [{ setting: settings.outputPort.env, port: config.outputPort }]
      : []),
    ...(http === undefined ? [] : [{ setting: settings.httpAddress.env, port: http.port }]),
  ];
}

type SpecCamera = Extract<SettingsFacts["cameras"], { t: "known" }>["value"][number];

async function askAll(cameras: readonly SpecCamera[], signal: AbortSignal): Promise<CameraFacts[]> {
  const found: CameraFacts[] = [];
  for (let i = 0; i < cameras.length; i += MOST_AT_ONCE) {
    const some = cameras.slice(i, i + MOST_AT_ONCE);
    found.push(...(await Promise.all(some.map((one) => askCamera(one, signal)))));
  }
  return found;
}

async function askCamera(camera: SpecCamera, signal: AbortSignal): Promise<CameraFacts> {
  const { id, uri } = camera;
  if (camera.off !== undefined || uri.startsWith("test:")) return { id, uri, found: { t: "off" } };
  if (!/^rtsps?:/.test(uri)) {
    return {
      id,
      uri,
      found: { t: "file", problem: await fileProblem(uri.replace(/^file:\/\//, "")) },
    };
  }
  const limit = AbortSignal.timeout(LIMIT_MS);
  try {
    const probe = await probeCamera(camera, AbortSignal.any([signal, limit]));
    return { id, uri, found: { t: "network", probe } };
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    const detail = `no answer within ${LIMIT_MS / 1000} s`;
    return { id, uri, found: { t: "network", probe: { t: "unreachable", detail } } };
  }
}

async function readAgent(options: CollectOptions, signal: AbortSignal): Promise<Fact<ApiState>> {
  const address = await agentAddress(options, options.environment);
  const { body } = await ask(address, "/api/v1/state", signal);
  return known(stateSchema.parse(JSON.parse(body.toString())));
}

/** Whatever a question throws, and whatever takes too long, is unknown. */
function bounded<T>(
  what: string,
  read: (limit: AbortSignal) => Promise<Fact<T>>,
  signal: AbortSignal,
): Promise<Fact<T>> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const both = AbortSignal.any([signal, limit]);
  const late = new Promise<Fact<T>>((resolve) => {
    const end = () => resolve(unknown(`${what} did not answer within ${LIMIT_MS / 1000} s`));
    if (both.aborted) end();
    else both.addEventListener("abort", end, { once: true });
  });
  const asked = read(both).catch((error: unknown): Fact<T> => {
    const detail = error instanceof Error ? error.message : String(error);
    // Of a program's or a parser's long message, the first line says what it is about.
    return unknown(detail.split("\n")[0] ?? detail);
  });
  return Promise.race([asked, late]);
}
