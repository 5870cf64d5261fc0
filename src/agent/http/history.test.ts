import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { History } from "./history.js";
import { camera, state } from "./testing/facts.js";

/** A node with one camera, which has sent so many frames. */
function after(framesReceived: number, framesDropped = 0, counts = [framesReceived, 0, 0]) {
  const front = camera("front");
  const detectionLatency = { bounds: [0.1, 0.5], counts, sumSeconds: 1 };
  const counters = { ...front.counters, framesReceived, framesDropped, detectionLatency };
  return state({ cameras: [{ ...front, counters }] });
}

describe("the last hour of a camera", () => {
  it("has what each interval adds to the counters", () => {
    const history = new History();
    history.sample(after(1000, 10));
    history.sample(after(1150, 13));
    history.sample(after(1300, 12, [1150, 150, 0]));
    assert.deepEqual(history.view().cameras["front"], [
      { frames: 15, dropped: 3, latencyMs: 100 },
      { frames: 15, dropped: 0, latencyMs: 500 },
    ]);
  });

  it("goes on with another worker, whose counters begin again", () => {
    const history = new History();
    history.sample(after(1000));
    history.sample(undefined);
    history.sample(after(50));
    const frames = history.view().cameras["front"]?.map((sample) => sample.frames);
    assert.deepEqual(frames, [0, 5]);
  });

  it("is no longer than an hour, and ends with the camera", () => {
    const history = new History();
    for (let count = 0; count < 400; count++) history.sample(after(count));
    assert.equal(history.view().cameras["front"]?.length, 360);
    history.sample(state({ cameras: [] }));
    assert.deepEqual(history.view().cameras, {});
  });
});
