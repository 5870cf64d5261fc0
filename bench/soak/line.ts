// Fits a straight line to points. Pure.

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** y = at + slope * x */
export interface Line {
  readonly at: number;
  readonly slope: number;
}

/** Least squares. Undefined if the points have fewer than two different x. */
export function fit(points: readonly Point[]): Line | undefined {
  const mean = (of: (point: Point) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const spread = mean(({ x }) => (x - meanX) ** 2);
  if (points.length < 2 || spread === 0) return undefined;
  const slope = mean(({ x, y }) => (x - meanX) * (y - meanY)) / spread;
  return { at: meanY - slope * meanX, slope };
}
