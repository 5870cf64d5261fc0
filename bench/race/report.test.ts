import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Sample } from "./measure.js";
import { asMarkdown } from "./report.js";

const SAMPLE: Sample = {
  firstFrameMs: 900,
  framesPerSecond: 15.04,
  uniquePerSecond: 15,
  p50Ms: 60,
  p95Ms: 80,
  p99Ms: 90,
  cpuPercent: 50,
  cpuMsPerFrame: 33.33,
  memoryMiB: 200,
};

describe("the table of the race", () => {
  it("has the median of the rounds and their spread", () => {
    const samples = [10, 30, 20].map((framesPerSecond) => ({ ...SAMPLE, framesPerSecond }));
    const text = asMarkdown(
      [{ contestant: "one", load: "640x360@15", cameras: 1, samples, recoveries: [] }],
      [{ threads: 2, rate: 61.92, ms: 32.1, cpuMs: 27.4 }],
    );
    assert.match(text, /^The network alone, 2 at a time: 61.9 inferences a second/);
    assert.match(text, /^### 640x360@15, 1 camera$/m);
    assert.match(text, /^\| one \| 20 \(10 to 30\) \|/m);
    assert.doesNotMatch(text, /viewers dropped/);
  });

  it("says of a camera that never came back that it never did", () => {
    const recoveries = [{ gapMs: Number.NaN, viewersDropped: 1 }];
    const text = asMarkdown(
      [{ contestant: "one", load: "640x360@15", cameras: 2, samples: [SAMPLE], recoveries }],
      [],
    );
    assert.match(text, /2 cameras/);
    assert.match(text, /\| 900 \| never \| 1 \|$/m);
  });
});
