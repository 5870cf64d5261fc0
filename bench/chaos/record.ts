// The record of one fault.
import type { PartName } from "./parts.js";

export interface FaultRecord {
  readonly number: number;
  readonly name: string;
  readonly hits: readonly PartName[];
  /** The camera that it happened to. */
  readonly camera: string;
  /** How long the product waits on purpose before it reports the fault. */
  readonly patienceMs: number;
  /** From the start of the fault until the product reported it; undefined if there was nothing to report. */
  readonly detectedMs: number | undefined;
  /** The reasons reported for the camera, the outputs and the pipeline, in order, without repetition. */
  readonly reasons: readonly string[];
  readonly allowedReasons: readonly string[];
  /** The reasons reported for other cameras. */
  readonly others: readonly string[];
  /** From the end of the fault until everything had recovered; undefined: not within the limit. */
  readonly recoveredMs: number | undefined;
  /** Until a new worker reported its state; undefined if the worker was not replaced. */
  readonly workerBackMs: number | undefined;
  readonly witnesses: readonly WitnessRecord[];
  /** The number of requested changes. */
  readonly changes: number;
  /** The disconnections of viewers. */
  readonly drops: readonly string[];
  /** From the start of the fault until the last of those viewers was watching again. */
  readonly viewersBackMs: number | undefined;
  /** The parts whose process was replaced. */
  readonly replaced: readonly PartName[];
  /** The processes of the product after recovery. */
  readonly processes: readonly ProcessRecord[];
  /** Processes that the product left behind: children that are not one of its four parts. */
  readonly strays: readonly string[];
  /** Why the fault could not be carried out. */
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
  /** Frames that the camera sent during the fault, and how many of them its viewer never received. */
  readonly sent: number;
  readonly lost: number;
  /** The longest time between two of its frames. */
  readonly pauseMs: number;
}
