import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cameraIn, untilState } from "./support/contract.js";
import { squareModel } from "./support/models.js";
import { startPicture } from "./support/product.js";
import { count, view } from "./support/video.js";

const RATE = 60;
/** Slower than the camera by far, on any machine. */
const LAYERS = 20;

describe("a camera that is faster than detection", () => {
  it("is shown fresh: frames are dropped and counted, and the delay does not grow", async (t) => {
    const camera = await count(t, { rate: RATE, width: 320, height: 184 });
    const product = await startPicture(t, {
      MODEL: await squareModel(t, LAYERS),
      RTSPINPUT: `fast=${camera.uri}`,
      OVERLAY: "none",
      OUTPUT_WIDTH: "320",
      OUTPUT_HEIGHT: "184",
    });
    const seen = await view(t, product.url, { seconds: 6, counter: "all" });
    const departures = await camera.departures();
    const { counters } = await untilState(product.runDir, "the camera", 5000, (state) =>
      cameraIn(state, "fast"),
    );
    assert.ok(counters !== undefined);
    const inferenceMs = (counters.inferenceSeconds / Number(counters.framesInferred)) * 1000;
    const numbers = seen.map(({ counter }) => counter ?? -1);
    const delaysMs = seen.map(({ t: seenAt, counter }) => {
      return (seenAt - (departures.get(counter ?? -1) ?? Number.NaN)) / 1e6;
    });
    t.diagnostic(`${seen.length} frames of ${RATE * 6}; inference ${inferenceMs.toFixed(0)} ms`);
    t.diagnostic(`delay p50 ${quantile(delaysMs, 0.5)} ms, p95 ${quantile(delaysMs, 0.95)} ms`);

    assert.ok(!numbers.includes(-1), "a counter cannot be read");
    numbers.slice(1).forEach((number, index) => {
      assert.ok(number > (numbers[index] ?? 0), `${number} follows ${numbers[index]}`);
    });
    // A queue would be seconds long by now.
    const boundMs = 2 * inferenceMs + 250;
    assert.ok(quantile(delaysMs, 0.95) < boundMs, `bound: ${boundMs} ms`);
    const half = delaysMs.length / 2;
    const [before, after] = [delaysMs.slice(0, half), delaysMs.slice(half)];
    assert.ok(quantile(after, 0.5) < quantile(before, 0.5) + inferenceMs, "the delay grows");

    const { framesReceived, framesDropped, framesInferred } = counters;
    assert.ok(framesDropped > 0n);
    // One more may be under way.
    const left = framesReceived - framesDropped - framesInferred;
    assert.ok(left >= 0n && left <= 1n, `${left} frames are not accounted for`);
    assert.ok(Number(framesInferred) / Number(framesReceived) < 0.9);
  });
});

/** The value that so many of the values do not exceed. */
function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0);
}
