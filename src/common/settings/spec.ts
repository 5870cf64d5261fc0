/** The specification: what the sidecar shall run, and the generation that names its content. */

import { createHash } from "node:crypto";
import type { Credentials } from "./camera-uri.js";

/** Everything that the sidecar needs to run. Equal specifications make equal streams. */
export interface PipelineSpec {
  /** In the order of the tiles. */
  readonly cameras: readonly Camera[];
  /** The first detects objects on whole frames; the others work on the objects of those before them. */
  readonly models: readonly [Model, ...Model[]];
  /** Undefined: no tracker. */
  readonly tracker: Tracker | undefined;
  readonly overlay: Overlay;
  readonly outputs: readonly Output[];
}

/** Each takes time for every object that it looks at. */
export const MOST_MODELS = 8;

export interface Camera {
  readonly id: string;
  readonly name: string;
  /** Without a login. */
  readonly uri: string;
  readonly credentials: Credentials | undefined;
  readonly transport: "tcp" | "udp";
  /** For rtsps:// cameras. */
  readonly acceptAnyCertificate: boolean;
  readonly latencyMs: number;
  /** 0: never. */
  readonly frozenAfterMs: number;
  readonly silentAfterMs: number;
  /** 0: detection looks at every frame, whether anything moves or not. */
  readonly stillIntervalMs: number;
  /** Areas that are blacked out before anything is detected, drawn or recorded. */
  readonly masks: readonly Polygon[];
  /** Undefined: no objects are hidden. */
  readonly hiding: Hiding | undefined;
  /** Set: not connected on purpose. untilMs is wall-clock time; undefined: no end is planned. */
  readonly off: { readonly untilMs: number | undefined } | undefined;
}

/** Objects of these classes cannot be recognised in any picture, and a frame that was not inferred does not leave. */
export interface Hiding {
  readonly classes: readonly string[];
  readonly method: "cover" | "blur";
}

/** At least three points, in fractions of the frame's width and height from its top left corner. */
export type Polygon = readonly (readonly [x: number, y: number])[];

export type Tracker = "iou" | "nvsort" | "nvdcf" | "nvdeepsort";

export interface Model {
  /** Absolute, in the sidecar's file system. */
  readonly bundlePath: string;
  /**
   * Frames that are skipped between two inferences; of a model that works on objects, before an object is inferred again.
   * Undefined: the bundle's own.
   */
  readonly interval: number | undefined;
  /** Undefined: the bundle's own. */
  readonly threshold: number | undefined;
  /** Empty: all of the bundle's. */
  readonly classes: readonly string[];
}

export interface Overlay {
  readonly boxes: boolean;
  readonly labels: boolean;
  readonly counts: boolean;
  readonly names: boolean;
  readonly zones: boolean;
}

export interface Output {
  readonly id: string;
  readonly layout: "tiled" | "per-camera";
  readonly encoding: Encoding;
  readonly target: Target;
}

export type Target =
  | {
      readonly t: "rtsp";
      readonly port: number;
      readonly path: string;
      /** Who may watch. Empty: everybody. */
      readonly users: readonly Credentials[];
    }
  | {
      readonly t: "file";
      /** Relative to the sidecar's directory of recordings. */
      readonly path: string;
      readonly fileDurationMs: number;
      /** Size of all its files. */
      readonly maxBytes: number;
    }
  | { readonly t: "window" };

export interface Encoding {
  readonly codec: "H264" | "H265";
  readonly width: number;
  readonly height: number;
  /** Bits a second. */
  readonly bitrate: number;
  /** Frames a second of a stream with several cameras. */
  readonly frameRate: number;
}

/** A specification with its generation. */
export interface Desired {
  readonly generation: string;
  readonly spec: PipelineSpec;
}

/** A hash of the content, credentials included: a changed password is a changed specification. */
export function generationOf(spec: PipelineSpec): string {
  return createHash("sha256").update(canonicalJson(spec)).digest("hex").slice(0, 16);
}

/** JSON with sorted keys. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
