import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, it } from "node:test";
import { cameraIn, untilState } from "./support/contract.js";
import { squareModel } from "./support/models.js";
import { startPicture } from "./support/product.js";
import { count, view } from "./support/video.js";

const TIMEOUT_MS = 30_000;
const RATE = 60;
/** Slower than the camera by far, on any machine. */
const LAYERS = 20;

describe("a camera that is faster than detection", () => {
  it("is shown fresh: frames are dropped and counted, and none waits in a queue", async (t) => {
    const camera = await count(t, { rate: RATE, width: 320, height: 184 });
    const product = await startPicture(t, {
      MODEL: await squareModel(t, LAYERS),
      RTSPINPUT: `fast=${camera.uri}`,
      OVERLAY: "none",
      OUTPUT_WIDTH: "320",
      OUTPUT_HEIGHT: "184",
    });
    const seen = await view(t, product.url, { seconds: 6, counter: "all" });
    const { counters } = await untilState(product.runDir, "the camera", TIMEOUT_MS, (state) =>
      cameraIn(state, "fast"),
    );
    assert.ok(counters !== undefined);
    const numbers = seen.map(({ counter }) => counter ?? -1);
    t.diagnostic(`${seen.length} frames of ${RATE * 6}`);

    assert.ok(!numbers.includes(-1), "a counter cannot be read");
    numbers.slice(1).forEach((number, index) => {
      assert.ok(number > (numbers[index] ?? 0), `${number} follows ${numbers[index]}`);
    });

    const { framesReceived, framesDropped, framesInferred } = counters;
    assert.ok(framesDropped > 0n);
    // Each processor infers one; one more waits, one is handed on, and one has only just come. A queue would hold more.
    const left = framesReceived - framesDropped - framesInferred;
    assert.ok(
      left >= 0n && left <= BigInt(availableParallelism() + 3),
      `${left} frames are not accounted for`,
    );
  });
});
