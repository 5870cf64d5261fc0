/** An object as it is followed from frame to frame. Pure. */

import type { ObjectOptions } from "../../common/settings/analytics.js";
import type { Point } from "../../common/settings/polygon.js";
import type { Box, Detection, FrameDetections } from "../sidecar/state.js";

/** Times are those of the camera's frames: see CameraState.elapsedMs. */
export interface Track {
  readonly id: string;
  /** Numbers of frames in which it was of a class. Until it is seen, the most frequent one is its class. */
  readonly votes: ReadonlyMap<string, number>;
  readonly class: string;
  readonly confidence: number;
  /** In fractions of the frame. */
  readonly box: Box;
  /** Size of the frame in pixels. */
  readonly frame: { readonly width: number; readonly height: number };
  readonly attributes: Readonly<Record<string, string>>;
  readonly firstMs: number;
  readonly lastMs: number;
  /** It has been there for long enough to count. */
  readonly isSeen: boolean;
  /** The point of it that counts. */
  readonly point: Point;
  /** Where its heading was measured last, in pixels. */
  readonly anchor: Point;
  /** Degrees clockwise, 0 is up. Undefined: it has hardly moved. */
  readonly heading: number | undefined;
  /** The zones that it is in, by id. */
  readonly zones: ReadonlyMap<string, Stay>;
  /** By the id of a line: where it was last at more than the margin from it. */
  readonly lines: ReadonlyMap<string, Point>;
}

export interface Stay {
  readonly sinceMs: number;
  /** Loitering was reported. */
  readonly isReported: boolean;
}

/** A heading is measured over this share of the frame's diagonal. */
const HEADING_STEP = 0.03;

/** Keeps points of the frame's edge inside a polygon that ends there. */
const EDGE = 1e-6;

/** The track after a frame in which it was detected. `before`: undefined if it is new. Called for every box. */
export function follow(
  before: Track | undefined,
  id: string,
  detection: Detection,
  { width, height }: FrameDetections,
  { point: kind }: ObjectOptions,
  elapsedMs: number,
): Track {
  const { label, confidence, attributes } = detection;
  const box = {
    left: detection.box.left / width,
    top: detection.box.top / height,
    width: detection.box.width / width,
    height: detection.box.height / height,
  };
  const point: Point = [
    inFrame(box.left + box.width / 2),
    inFrame(box.top + (kind === "foot" ? box.height : box.height / 2)),
  ];
  const pixel: Point = [point[0] * width, point[1] * height];
  const isSeen = before?.isSeen ?? false;
  const votes = isSeen ? NO_VOTES : vote(before?.votes ?? NO_VOTES, label);
  const anchor = before?.anchor ?? pixel;
  const [dx, dy] = [pixel[0] - anchor[0], pixel[1] - anchor[1]];
  const hasMoved = Math.hypot(dx, dy) >= HEADING_STEP * Math.hypot(width, height);
  return {
    id,
    votes,
    class: before !== undefined && isSeen ? before.class : mostFrequent(votes),
    confidence,
    box,
    frame: { width, height },
    attributes: attributes.length === 0 ? NO_ATTRIBUTES : textsOf(attributes),
    firstMs: before?.firstMs ?? elapsedMs,
    lastMs: elapsedMs,
    isSeen,
    point,
    anchor: hasMoved ? pixel : anchor,
    heading: hasMoved ? headingOf(dx, dy) : before?.heading,
    zones: before?.zones ?? NO_ZONES,
    lines: before?.lines ?? NO_LINES,
  };
}

const NO_VOTES: Track["votes"] = new Map();
const NO_ATTRIBUTES: Track["attributes"] = {};
const NO_ZONES: Track["zones"] = new Map();
const NO_LINES: Track["lines"] = new Map();

function vote(votes: Track["votes"], label: string): Track["votes"] {
  return new Map(votes).set(label, (votes.get(label) ?? 0) + 1);
}

function textsOf(attributes: Detection["attributes"]): Track["attributes"] {
  return Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
}

function headingOf(dx: number, dy: number): number {
  const degrees = Math.round((Math.atan2(dx, -dy) * 180) / Math.PI);
  return (degrees + 360) % 360;
}

/** Of equally frequent ones the first in the alphabet. */
function mostFrequent(votes: ReadonlyMap<string, number>): string {
  const [first] = [...votes].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return first?.[0] ?? "";
}

function inFrame(share: number): number {
  return Math.min(1 - EDGE, Math.max(EDGE, share));
}
