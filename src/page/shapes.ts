/** Zones, lines and masks that are drawn, and the fields of the settings document that they become. Pure. */

import { ID, ID_FORM } from "../common/settings/camera-id.js";
import { flawOf, type Point } from "../common/settings/polygon.js";

export const KINDS = ["zone", "line", "mask"] as const;

export interface Shape {
  readonly kind: (typeof KINDS)[number];
  /** Of a zone or a line. */
  readonly id: string;
  readonly points: readonly Point[];
}

/** Of a camera, as in docs/settings.md. */
export interface CameraFields {
  readonly masks?: readonly (readonly Point[])[];
  readonly zones?: readonly { readonly id: string; readonly points: readonly Point[] }[];
  readonly lines?: readonly {
    readonly id: string;
    readonly from: Point | undefined;
    readonly to: Point | undefined;
  }[];
}

/** As in the settings document's schema. */
const MOST_POINTS = 64;
const SHORTEST_LINE = 0.01;

/** What the settings would refuse; undefined: nothing. */
export function flawIn({ kind, id, points }: Shape, others: readonly Shape[]): string | undefined {
  if (kind !== "mask") {
    if (!ID.test(id)) return `the id must be ${ID_FORM}`;
    if (others.some((other) => other.kind === kind && other.id === id)) {
      return `there is a ${kind} with the id ${id} already`;
    }
  }
  if (kind === "line") {
    const [from, to] = points;
    if (from === undefined || to === undefined || points.length > 2) return "a line has two points";
    const length = Math.hypot(from[0] - to[0], from[1] - to[1]);
    return length < SHORTEST_LINE ? "the line is too short" : undefined;
  }
  if (points.length < 3) return `a ${kind} has three points or more`;
  if (points.length > MOST_POINTS) return `a ${kind} has ${MOST_POINTS} points at most`;
  const flaw = flawOf(points);
  return flaw && `the ${kind} ${flaw}`;
}

export function fieldsOf(shapes: readonly Shape[]): CameraFields {
  const [zones, lines, masks] = KINDS.map((kind) => shapes.filter((shape) => shape.kind === kind));
  return {
    ...(masks?.length ? { masks: masks.map(({ points }) => points) } : {}),
    ...(zones?.length ? { zones: zones.map(({ id, points }) => ({ id, points })) } : {}),
    ...(lines?.length
      ? { lines: lines.map(({ id, points: [from, to] }) => ({ id, from, to })) }
      : {}),
  };
}

/** A point in the frame, to a thousandth. */
export function pointAt(x: number, y: number): Point {
  const within = (value: number) => Math.round(1000 * Math.min(1, Math.max(0, value))) / 1000;
  return [within(x), within(y)];
}
