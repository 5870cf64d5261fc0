/** Facts as they are on the boards that Slipstream is made for: for tests, and for node policies of nodes that are alike. */

import type { NodeFacts } from "./facts.js";

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
