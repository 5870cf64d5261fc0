import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fit } from "./line.js";

describe("the line of best fit", () => {
  it("is the line itself for points that lie on one", () => {
    assert.deepEqual(fit([2, 4, 6].map((x) => ({ x, y: 3 * x + 1 }))), { at: 1, slope: 3 });
  });

  it("lies between points that do not", () => {
    const points = [
      { x: 0, y: 0 },
      { x: 1, y: 2 },
      { x: 2, y: 1 },
      { x: 3, y: 3 },
    ];
    const line = fit(points);
    assert.ok(line !== undefined);
    assert.ok(Math.abs(line.slope - 0.8) < 1e-9 && Math.abs(line.at - 0.3) < 1e-9);
  });

  it("needs two different places", () => {
    assert.equal(fit([]), undefined);
    assert.equal(fit([{ x: 1, y: 1 }]), undefined);
    assert.equal(
      fit([
        { x: 1, y: 1 },
        { x: 1, y: 2 },
      ]),
      undefined,
    );
  });
});
