/** From facts about a node to the properties that policies place by. What the facts do not say is absent. */

import { compareReleases } from "../../common/release-number.js";
import type { Property, PropertyType, PropertyValue } from "../policy/property.js";
import type { NodeFacts } from "./probe.js";

/** The properties that the probe sets, and removes when it no longer knows them. */
export const PROBED = [
  "slipstream.board",
  "slipstream.runtime",
  "slipstream.deepstream",
  "slipstream.gpu-memory",
  "slipstream.driver",
  "slipstream.l4t",
  "slipstream.free-disk",
] as const;

/** Chosen by an operator: which wave of a rollout the node belongs to. */
export const RING = "slipstream.ring";

/** Why a property is absent, as the end of a sentence. */
export interface Unknown {
  readonly name: string;
  readonly why: string;
}

export interface Probed {
  readonly properties: readonly Property[];
  readonly unknown: readonly Unknown[];
}

type Finding =
  | { readonly t: "known"; readonly value: PropertyValue }
  | { readonly t: "unknown"; readonly why: string };

export function propertiesOf(facts: NodeFacts): Probed {
  const findings: ReadonlyArray<readonly [(typeof PROBED)[number], PropertyType, Finding]> = [
    ["slipstream.board", "string", board(facts)],
    ["slipstream.runtime", "string", from(facts.defaultRuntime, whyNoRuntime(facts))],
    ["slipstream.deepstream", "string", deepstream(facts)],
    ["slipstream.gpu-memory", "int", gpuMemory(facts)],
    ["slipstream.driver", "string", from(facts.driver, "there is no NVIDIA driver for a GPU")],
    ["slipstream.l4t", "string", from(facts.l4t, "this is no Jetson")],
    [
      "slipstream.free-disk",
      "int",
      from(facts.freeDiskGiB, "where Docker keeps images is unknown"),
    ],
  ];
  return {
    properties: findings.flatMap(([name, type, finding]) =>
      finding.t === "known" ? [{ name, value: finding.value, type }] : [],
    ),
    unknown: findings.flatMap(([name, , finding]) =>
      finding.t === "unknown" ? [{ name, why: finding.why }] : [],
    ),
  };
}

function whyNoRuntime({ dockerSilence: silence }: NodeFacts): string {
  if (silence === undefined) return "Docker does not say what its default runtime is";
  const file = "/etc/docker/daemon.json names no default-runtime";
  return silence === "refused"
    ? `${file}, and Docker's socket refuses this user: ask as root, in a container with --user root`
    : `${file}, and Docker does not answer on its socket`;
}

/** The sidecar uses the first GPU. */
function board({ model, gpus: [gpu] }: NodeFacts): Finding {
  if (model !== undefined && /\bJetson\b/.test(model)) {
    if (/\bJetson Nano\b/.test(model)) return known("nano");
    if (/\bJetson Orin Nano\b/.test(model)) return known("orin-nano");
    return unknown(`"${model}" is no board that Slipstream knows`);
  }
  if (gpu === undefined) return unknown("there is neither a Jetson nor an NVIDIA GPU");
  return /^(?:NVIDIA |Tesla )?T4$/.test(gpu.name)
    ? known("t4")
    : unknown(`"${gpu.name}" is no GPU that Slipstream knows`);
}

/**
 * The release whose image this node runs. DeepStream lies in the image and not on the node; what it asks of the node is
 * in the installation pages of NVIDIA's guide: L4T 32.7 for 6.0.1; L4T 36.4 or, on a server, driver 535.183.06 of the
 * data centre branch or 560.35.03 for 7.1.
 */
function deepstream({ arch, l4t, driver }: NodeFacts): Finding {
  if (l4t !== undefined) {
    if (/^32\.7(?:\.|$)/.test(l4t)) return known("6.0.1");
    if (/^36\.4(?:\.|$)/.test(l4t)) return known("7.1");
    return unknown(`neither 6.0.1 nor 7.1 is made for L4T ${l4t}`);
  }
  if (driver === undefined) return unknown("there is neither L4T nor an NVIDIA driver");
  if (arch !== "x64") return unknown(`there is no image for a GPU beside a processor ${arch}`);
  const isDataCentre =
    compareReleases(driver, "535.183.06") >= 0 && compareReleases(driver, "536") < 0;
  return isDataCentre || compareReleases(driver, "560.35.03") >= 0
    ? known("7.1")
    : unknown(`7.1 needs driver 535.183.06 or later of that branch, or 560.35.03, not ${driver}`);
}

/** MiB. A Jetson's GPU shares the memory of the board. */
function gpuMemory({ l4t, gpus: [gpu], memoryMiB }: NodeFacts): Finding {
  if (l4t !== undefined) return from(memoryMiB, "the memory of this board is unknown");
  if (gpu === undefined) return unknown("there is neither a Jetson nor an NVIDIA GPU");
  return from(gpu.memoryMiB, "nvidia-smi does not tell the memory of the GPU");
}

function from(value: PropertyValue | undefined, why: string): Finding {
  return value === undefined ? unknown(why) : known(value);
}

function known(value: PropertyValue): Finding {
  return { t: "known", value };
}

function unknown(why: string): Finding {
  return { t: "unknown", why };
}

const docker = { defaultRuntime: "nvidia", dockerSilence: undefined };

/** A server with driver and GPU as a cloud gives them. */
export const T4: NodeFacts = {
  ...docker,
  arch: "x64",
  model: undefined,
  l4t: undefined,
  driver: "535.183.06",
  gpus: [{ name: "Tesla T4", memoryMiB: 15360 }],
  memoryMiB: 31998,
  freeDiskGiB: 60,
};

/** JetPack 4.6.1. */
export const NANO: NodeFacts = {
  ...docker,
  arch: "arm64",
  model: "NVIDIA Jetson Nano Developer Kit",
  l4t: "32.7.1",
  driver: undefined,
  gpus: [],
  memoryMiB: 3964,
  freeDiskGiB: 14,
};

/** JetPack 6.1. */
export const ORIN_NANO: NodeFacts = {
  ...docker,
  arch: "arm64",
  model: "NVIDIA Jetson Orin Nano Developer Kit",
  l4t: "36.4.0",
  driver: undefined,
  gpus: [],
  memoryMiB: 7620,
  freeDiskGiB: 30,
};

/** By the name that slipstream.board has. */
export const BOARDS = { t4: T4, nano: NANO, "orin-nano": ORIN_NANO } as const;

export function isBoard(name: string): name is keyof typeof BOARDS {
  return Object.hasOwn(BOARDS, name);
}
