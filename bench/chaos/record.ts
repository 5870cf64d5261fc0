// What was seen of one fault.
import type { PartName } from "./parts.js";

export interface FaultRecord {
  readonly number: number;
  readonly name: string;
  readonly hits: readonly PartName[];
  /** The camera whose turn it was. */
  readonly camera: string;
  /** How long the product waits on purpose before it says so. */
  readonly patienceMs: number;
  /** From its beginning until the product said so; undefined where nothing was to be noticed. */
  readonly detectedMs: number | undefined;
  /** What was said of the camera, the pictures and the pipeline, each once, in this order. */
  readonly reasons: readonly string[];
  readonly allowedReasons: readonly string[];
  /** What was said of other cameras. */
  readonly others: readonly string[];
  /** From its end until all was well, for everybody; undefined: not within the bound. */
  readonly recoveredMs: number | undefined;
  /** Until a successor of the worker told its state; undefined where there was none. */
  readonly workerBackMs: number | undefined;
  readonly witnesses: readonly WitnessRecord[];
  /** Changes that somebody asked for. */
  readonly changes: number;
  /** Of viewers that were thrown out. */
  readonly drops: readonly string[];
  /** From its beginning until the last of those was watching again. */
  readonly viewersBackMs: number | undefined;
  /** Parts that are other processes than before. */
  readonly replaced: readonly PartName[];
  /** The processes of the product afterwards, when all was well. */
  readonly processes: readonly ProcessRecord[];
  /** Processes of the product that are none of its four parts. */
  readonly strays: readonly string[];
  /** What went wrong with carrying it out. */
  readonly error: string | undefined;
}

export interface ProcessRecord {
  readonly part: PartName;
  readonly pid: number;
  /** Open file descriptors. */
  readonly descriptors: number;
}

export interface WitnessRecord {
  readonly id: string;
  /** Frames that left it meanwhile, and of them those that its viewer never saw. */
  readonly sent: number;
  readonly lost: number;
  /** The longest time between two of its frames, in milliseconds. */
  readonly pauseMs: number;
}
