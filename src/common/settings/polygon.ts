/** Polygons and lines in fractions of the frame. Pure. */

/** (0, 0) is the top left corner of the frame, (1, 1) the bottom right one. */
export type Point = readonly [x: number, y: number];

/** Whether a point is inside a polygon; a point on its edge may be either. Allocates nothing: it is asked for every box. */
export function isInside(point: Point, polygon: readonly Point[]): boolean {
  const [x, y] = point;
  let inside = false;
  let before = polygon.at(-1);
  for (const next of polygon) {
    if (before !== undefined && before[1] > y !== next[1] > y) {
      const edge = ((next[0] - before[0]) * (y - before[1])) / (next[1] - before[1]) + before[0];
      if (x < edge) inside = !inside;
    }
    before = next;
  }
  return inside;
}

/** From a point to the nearest point of the polygon's edge. */
export function distanceToEdge(point: Point, polygon: readonly Point[]): number {
  return Math.min(...edgesOf(polygon).map(([a, b]) => distanceToSegment(point, a, b)));
}

/** Twice the area of the triangle: positive if the point is to the right of the way from `a` to `b` in the picture. */
export function sideOf([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  return (bx - ax) * (y - ay) - (by - ay) * (x - ax);
}

/** From a point to the endless line through `a` and `b`; its sign is that of sideOf(). */
export function signedDistance(point: Point, a: Point, b: Point): number {
  return sideOf(point, a, b) / Math.hypot(b[0] - a[0], b[1] - a[1]);
}

/** Whether two segments have a point in common. */
export function segmentsMeet(a: Point, b: Point, c: Point, d: Point): boolean {
  const [ca, cb] = [sideOf(c, a, b), sideOf(d, a, b)];
  const [ac, ad] = [sideOf(a, c, d), sideOf(b, c, d)];
  if (opposite(ca, cb) && opposite(ac, ad)) return true;
  return (
    (ca === 0 && isBetween(c, a, b)) ||
    (cb === 0 && isBetween(d, a, b)) ||
    (ac === 0 && isBetween(a, c, d)) ||
    (ad === 0 && isBetween(b, c, d))
  );
}

/** What makes a polygon no area: undefined if it is one. */
export function flawOf(polygon: readonly Point[]): "crosses itself" | "has no area" | undefined {
  // Some tools repeat the first point at the end.
  const edges = edgesOf(polygon).filter(([a, b]) => a[0] !== b[0] || a[1] !== b[1]);
  const hasArea = edges.some(([a, b]) =>
    polygon.some((point) => Math.abs(sideOf(point, a, b)) >= LEAST_AREA),
  );
  if (!hasArea) return "has no area";
  const crosses = edges.some(([a, b], index) =>
    edges.slice(index + 1).some(([c, d], distance) => {
      const isNext = distance === 0 || (index === 0 && distance === edges.length - 2);
      return isNext ? goesBack([a, b], [c, d]) : segmentsMeet(a, b, c, d);
    }),
  );
  return crosses ? "crosses itself" : undefined;
}

/** A triangle of a thousandth of the frame's width and height. */
const LEAST_AREA = 1e-6;

type Edge = readonly [Point, Point];

/** The last point is joined to the first. */
function edgesOf(polygon: readonly Point[]): Edge[] {
  return polygon.flatMap((point, index): Edge[] => {
    const next = polygon[(index + 1) % polygon.length];
    return next === undefined ? [] : [[point, next]];
  });
}

/** Whether two edges that share a point lie on each other. */
function goesBack([a, b]: Edge, [c, d]: Edge): boolean {
  const [shared, from, to] = b[0] === c[0] && b[1] === c[1] ? [b, a, d] : [a, b, c];
  const isStraight = sideOf(to, from, shared) === 0;
  const along =
    (from[0] - shared[0]) * (to[0] - shared[0]) + (from[1] - shared[1]) * (to[1] - shared[1]);
  return isStraight && along > 0;
}

function distanceToSegment([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : ((x - ax) * dx + (y - ay) * dy) / length;
  const nearest = Math.min(1, Math.max(0, share));
  return Math.hypot(x - ax - nearest * dx, y - ay - nearest * dy);
}

function opposite(one: number, other: number): boolean {
  return (one > 0 && other < 0) || (one < 0 && other > 0);
}

/** For a point on the line through `a` and `b`. */
function isBetween([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): boolean {
  return (
    x >= Math.min(ax, bx) && x <= Math.max(ax, bx) && y >= Math.min(ay, by) && y <= Math.max(ay, by)
  );
}
