/** Turns facts about a node into the properties that policies place by. A property whose facts are unknown is absent. */

import { compareReleases } from "../../common/release-number.js";
import type { Property, PropertyType, PropertyValue } from "../policy/property.js";
import type { NodeFacts } from "./probe.js";

/** The properties that the probe sets, and removes if it no longer knows them. */
export const PROBED = [
  "slipstream.board",
  "slipstream.runtime",
  "slipstream.deepstream",
  "slipstream.gpu-memory",
  "slipstream.driver",
  "slipstream.l4t",
  "slipstream.free-disk",
] as const;

/** Set by an operator: which wave of a rollout the node belongs to. */
export const RING = "slipstream.ring";

interface ProbedProperties {
  readonly properties: readonly Property[];
  /** Why the others are absent, as the end of a sentence. */
  readonly unknown: readonly { readonly name: string; readonly why: string }[];
}

/** The value of a property, or why it is not known. */
type Fact =
  | { readonly t: "known"; readonly value: PropertyValue }
  | { readonly t: "unknown"; readonly why: string };

export function propertiesOf(facts: NodeFacts): ProbedProperties {
  const { defaultRuntime, driver, l4t, freeDiskGiB } = facts;
  const found: Readonly<Record<(typeof PROBED)[number], readonly [PropertyType, Fact]>> = {
    "slipstream.board": ["string", board(facts)],
    "slipstream.runtime": ["string", fact(defaultRuntime, whyNoRuntime(facts))],
    "slipstream.deepstream": ["string", deepstream(facts)],
    "slipstream.gpu-memory": ["int", gpuMemory(facts)],
    "slipstream.driver": ["string", fact(driver, "there is no NVIDIA driver for a GPU")],
    "slipstream.l4t": ["string", fact(l4t, "this is not a Jetson")],
    "slipstream.free-disk": ["int", fact(freeDiskGiB, "where Docker keeps images is unknown")],
  };
  const properties: Property[] = [];
  const unknown: { name: string; why: string }[] = [];
  for (const [name, [type, one]] of Object.entries(found)) {
    if (one.t === "known") properties.push({ name, value: one.value, type });
    else unknown.push({ name, why: one.why });
  }
  return { properties, unknown };
}

function whyNoRuntime({ dockerSilence }: NodeFacts): string {
  if (dockerSilence === undefined) return "Docker does not say what its default runtime is";
  const file = "/etc/docker/daemon.json names no default-runtime";
  return dockerSilence === "refused"
    ? `${file}, and Docker's socket refuses this user: run this as root, in a container with --user root`
    : `${file}, and Docker does not answer on its socket`;
}

/** The sidecar uses the first GPU. */
function board({ model, gpus: [gpu] }: NodeFacts): Fact {
  if (model !== undefined && /\bJetson\b/.test(model)) {
    if (/\bJetson Nano\b/.test(model)) return known("nano");
    if (/\bJetson Orin Nano\b/.test(model)) return known("orin-nano");
    return unknown(`Slipstream does not know the board "${model}"`);
  }
  if (gpu === undefined) return unknown("there is neither a Jetson nor an NVIDIA GPU");
  return /^(?:NVIDIA |Tesla )?T4$/.test(gpu.name)
    ? known("t4")
    : unknown(`Slipstream does not know the GPU "${gpu.name}"`);
}

/**
 * The release whose image this node can run. DeepStream is in the image and not on the node; what it needs of the node is in
 * the installation pages of NVIDIA's guide: L4T 32.7 for 6.0.1; L4T 36.4 or, on a server, driver 535.183.06 of the data centre
 * branch or 560.35.03 for 7.1.
 */
function deepstream({ arch, l4t, driver }: NodeFacts): Fact {
  if (l4t !== undefined) {
    if (/^32\.7(?:\.|$)/.test(l4t)) return known("6.0.1");
    if (/^36\.4(?:\.|$)/.test(l4t)) return known("7.1");
    return unknown(`neither 6.0.1 nor 7.1 runs on L4T ${l4t}`);
  }
  if (driver === undefined) return unknown("there is neither L4T nor an NVIDIA driver");
  if (arch !== "x64") return unknown(`there is no image for a discrete GPU with an ${arch} CPU`);
  const isDataCentre =
    compareReleases(driver, "535.183.06") >= 0 && compareReleases(driver, "536") < 0;
  return isDataCentre || compareReleases(driver, "560.35.03") >= 0
    ? known("7.1")
    : unknown(
        `7.1 needs driver 535.183.06 or later in that branch, or 560.35.03 or later, not ${driver}`,
      );
}

/** MiB. A Jetson's GPU shares the memory of the board. */
function gpuMemory({ l4t, gpus: [gpu], memoryMiB }: NodeFacts): Fact {
  if (l4t !== undefined) return fact(memoryMiB, "the memory of this board is unknown");
  if (gpu === undefined) return unknown("there is neither a Jetson nor an NVIDIA GPU");
  return fact(gpu.memoryMiB, "nvidia-smi does not report the memory of the GPU");
}

function fact(value: PropertyValue | undefined, why: string): Fact {
  return value === undefined ? unknown(why) : known(value);
}

function known(value: PropertyValue): Fact {
  return { t: "known", value };
}

function unknown(why: string): Fact {
  return { t: "unknown", why };
}

const JETSON = { arch: "arm64", driver: undefined, gpus: [] };
const DOCKER = { defaultRuntime: "nvidia", dockerSilence: undefined };

/**
 * The facts of the boards that Slipstream supports, by the value of slipstream.board: a T4 server as a cloud sets it up, a Nano
 * with JetPack 4.6.1, an Orin Nano with JetPack 6.1. For tests, and for node policies of many identical nodes.
 */
export const BOARDS = {
  t4: {
    ...DOCKER,
    arch: "x64",
    model: undefined,
    l4t: undefined,
    driver: "535.183.06",
    gpus: [{ name: "Tesla T4", memoryMiB: 15360 }],
    memoryMiB: 31998,
    freeDiskGiB: 60,
  },
  nano: {
    ...DOCKER,
    ...JETSON,
    model: "NVIDIA Jetson Nano Developer Kit",
    l4t: "32.7.1",
    memoryMiB: 3964,
    freeDiskGiB: 14,
  },
  "orin-nano": {
    ...DOCKER,
    ...JETSON,
    model: "NVIDIA Jetson Orin Nano Developer Kit",
    l4t: "36.4.0",
    memoryMiB: 7620,
    freeDiskGiB: 30,
  },
} as const satisfies Readonly<Record<string, NodeFacts>>;

export function isBoard(name: string): name is keyof typeof BOARDS {
  return Object.hasOwn(BOARDS, name);
}
