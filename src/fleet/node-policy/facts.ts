/** What a node is, as far as the node itself says so. */

export interface Gpu {
  /** As the driver names it: Tesla T4. */
  readonly name: string;
  readonly memoryMiB: number | undefined;
}

/** Undefined, or an empty list: nothing says so. */
export interface NodeFacts {
  /** A name of Node.js: x64, arm64. */
  readonly arch: string;
  /** What the firmware of a board says, such as NVIDIA Jetson Nano Developer Kit. */
  readonly model: string | undefined;
  /** Release of NVIDIA's Linux for Jetson: 32.7.1. */
  readonly l4t: string | undefined;
  /** Version of NVIDIA's driver for GPUs on a bus: 535.183.06. */
  readonly driver: string | undefined;
  /** GPUs on a bus, in the driver's order. */
  readonly gpus: readonly Gpu[];
  readonly memoryMiB: number | undefined;
  /** What Docker runs a container with that asks for nothing else. */
  readonly defaultRuntime: string | undefined;
  /** Why the facts about Docker are those of its file: it refused this user, or did not answer. Undefined: it answered. */
  readonly dockerSilence: "refused" | "away" | undefined;
  /** Where Docker keeps images. */
  readonly freeDiskGiB: number | undefined;
}
