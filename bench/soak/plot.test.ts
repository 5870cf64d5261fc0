import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { plot } from "./plot.js";

describe("the plot", () => {
  it("draws each curve, and its line from where it begins", () => {
    const points = [
      { x: 0, y: 0 },
      { x: 10, y: 50 },
    ];
    const fit = { line: { at: 0, slope: 5 }, from: 5 };
    const svg = plot([
      { title: "memory, MB", curves: [{ name: "a < b", colour: "red", points, fit }] },
      { title: "descriptors", curves: [] },
    ]);
    assert.match(svg, /^<svg [\s\S]*<\/svg>\n$/);
    // x runs from 60 to 770; y is 50/55 of the height of 220, up from 260.
    assert.match(svg, /points="60\.0,260\.0 770\.0,60\.0"/);
    assert.match(svg, /x1="415\.0" y1="160\.0" x2="770\.0" y2="60\.0" stroke="red" stroke-dash/);
    assert.ok(svg.includes("a &lt; b") && !svg.includes("a < b"));
    assert.ok(!svg.includes("NaN"));
  });
});
