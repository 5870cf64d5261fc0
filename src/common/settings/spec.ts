/** The desired state: what the sidecar is to run, and the name of that content. */

import { createHash } from "node:crypto";
import type { Credentials } from "./camera-uri.js";

/** Everything the sidecar must know to run. Two equal specifications make the same picture. */
export interface PipelineSpec {
  /** In the order of the tiles. */
  readonly cameras: readonly Camera[];
  readonly model: Model;
  /** Undefined: no tracker. */
  readonly tracker: Tracker | undefined;
  readonly overlay: Overlay;
  readonly outputs: readonly Output[];
}

export interface Camera {
  readonly id: string;
  readonly name: string;
  /** Holds no login. */
  readonly uri: string;
  readonly credentials: Credentials | undefined;
  readonly transport: "tcp" | "udp";
  /** Of an rtsps:// camera. */
  readonly acceptAnyCertificate: boolean;
  readonly latencyMs: number;
  /** 0: never. */
  readonly frozenAfterMs: number;
  /** Areas that are blackened before anything is detected, drawn or kept. */
  readonly masks: readonly Polygon[];
  /** Set: not connected to, on purpose; untilMs is wall-clock time, undefined if the end is not planned. */
  readonly off: { readonly untilMs: number | undefined } | undefined;
}

/** At least three points; each a fraction of the frame's width and height from its top left corner. */
export type Polygon = readonly (readonly [x: number, y: number])[];

export type Tracker = "iou" | "nvsort" | "nvdcf" | "nvdeepsort";

export interface Model {
  /** Absolute, in the sidecar's file system. */
  readonly bundlePath: string;
  /** Undefined: as the bundle says. */
  readonly interval: number | undefined;
  /** Undefined: as the bundle says. */
  readonly threshold: number | undefined;
  /** Empty: all of the bundle's. */
  readonly classes: readonly string[];
}

export interface Overlay {
  readonly boxes: boolean;
  readonly labels: boolean;
  readonly counts: boolean;
  readonly names: boolean;
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
      /** Below the sidecar's directory of recordings. */
      readonly path: string;
      readonly fileDurationMs: number;
      /** Of all its files. */
      readonly maxBytes: number;
    }
  | { readonly t: "window" };

export interface Encoding {
  readonly codec: "H264" | "H265";
  readonly width: number;
  readonly height: number;
  /** Bits a second. */
  readonly bitrate: number;
  /** Frames a second of a picture with several cameras. */
  readonly frameRate: number;
}

/** A specification with the name of its content. */
export interface Desired {
  readonly generation: string;
  readonly spec: PipelineSpec;
}

/** Equal content, equal name. Covers the credentials too: a changed password is a changed specification. */
export function generationOf(spec: PipelineSpec): string {
  return createHash("sha256").update(canonicalJson(spec)).digest("hex").slice(0, 16);
}

/** JSON that does not depend on the order in which an object's keys were set. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
