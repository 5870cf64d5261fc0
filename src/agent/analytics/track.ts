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

/** The track after a frame in which it was detected. `before`: undefined if it is new. */
export function follow(
  before: Track | undefined,
  id: string,
  detection: Detection,
  { width, height }: FrameDetections,
  { point: kind }: ObjectOptions,
  elapsedMs: number,
): Track {
  const { label, confidence } = detection;
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
  const step = HEADING_STEP * Math.hypot(width, height);
  const votes =
    before?.isSeen === true
      ? before.votes
      : new Map(before?.votes).set(label, (before?.votes.get(label) ?? 0) + 1);
  return {
    ...{ id, votes, confidence, box, point },
    class: before?.isSeen === true ? before.class : mostFrequent(votes),
    attributes: Object.fromEntries(detection.attributes.map(({ name, value }) => [name, value])),
    firstMs: before?.firstMs ?? elapsedMs,
    lastMs: elapsedMs,
    isSeen: before?.isSeen ?? false,
    ...heading(before, pixel, step),
    zones: before?.zones ?? new Map(),
    lines: before?.lines ?? new Map(),
  };
}

function heading(
  before: Track | undefined,
  pixel: Point,
  step: number,
): Pick<Track, "anchor" | "heading"> {
  if (before === undefined) return { anchor: pixel, heading: undefined };
  const [dx, dy] = [pixel[0] - before.anchor[0], pixel[1] - before.anchor[1]];
  if (Math.hypot(dx, dy) < step) return { anchor: before.anchor, heading: before.heading };
  const degrees = Math.round((Math.atan2(dx, -dy) * 180) / Math.PI);
  return { anchor: pixel, heading: (degrees + 360) % 360 };
}

/** Of equally frequent ones the first in the alphabet. */
function mostFrequent(votes: ReadonlyMap<string, number>): string {
  const [first] = [...votes].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return first?.[0] ?? "";
}

function inFrame(share: number): number {
  return Math.min(1 - EDGE, Math.max(EDGE, share));
}
