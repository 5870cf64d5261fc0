import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { distanceToEdge, flawOf, isInside, type Point, segmentsMeet } from "./polygon.js";

const SQUARE: Point[] = [
  [0.2, 0.2],
  [0.8, 0.2],
  [0.8, 0.8],
  [0.2, 0.8],
];
const coordinate = fc.double({ min: 0, max: 1, noNaN: true });
const point = fc.tuple(coordinate, coordinate);

describe("a polygon", () => {
  it("has no flaw if its edges do not cross, closed or not, in either direction", () => {
    const closed = [...SQUARE, SQUARE[0] as Point];
    for (const points of [SQUARE, closed, SQUARE.toReversed()]) {
      assert.equal(flawOf(points), undefined);
    }
  });

  it("crosses itself as an hourglass, and where an edge runs back along another", () => {
    const hourglass = [SQUARE[0], SQUARE[1], SQUARE[3], SQUARE[2]] as Point[];
    assert.equal(flawOf(hourglass), "crosses itself");
    const spike: Point[] = [...SQUARE, [0.2, 0.1]];
    assert.equal(flawOf(spike), "crosses itself");
  });

  it("has no area on one line or in one point", () => {
    assert.equal(
      flawOf([
        [0, 0],
        [0.5, 0.5],
        [1, 1],
      ]),
      "has no area",
    );
    assert.equal(
      flawOf([
        [0.5, 0.5],
        [0.5, 0.5],
        [0.5, 0.5],
      ]),
      "has no area",
    );
  });

  it("contains a point whatever point it begins with", () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 3, maxLength: 8 }), point, (polygon, inside) => {
        const turned = [...polygon.slice(1), polygon[0] as Point];
        if (distanceToEdge(inside, polygon) < 1e-9) return;
        assert.equal(isInside(inside, turned), isInside(inside, polygon));
      }),
    );
  });

  it("is left only across an edge", () => {
    fc.assert(
      fc.property(point, point, (from, to) => {
        const edges = SQUARE.map((a, index): [Point, Point] => [
          a,
          SQUARE[(index + 1) % 4] as Point,
        ]);
        if (isInside(from, SQUARE) === isInside(to, SQUARE)) return;
        assert.ok(edges.some(([a, b]) => segmentsMeet(from, to, a, b)));
      }),
    );
  });
});
