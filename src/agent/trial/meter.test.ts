import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CameraState, CameraStatus, State } from "../sidecar/state.js";
import { LIVE, LOST } from "../testing/simulated-node.js";
import { figuresOf, interrupted, type Meter, measured, NEW_METER, objectsSeen } from "./meter.js";

const since = new Date(0);

interface Told {
  id?: string;
  state?: CameraState;
  since?: Date;
  received: number;
  dropped?: number;
  inferred?: number;
  inferenceSeconds?: number;
}

function camera({ id = "front", state = LIVE, since: at = since, received, ...more }: Told) {
  const { dropped = 0, inferred = received - dropped, inferenceSeconds = 0 } = more;
  const status: CameraStatus = {
    id,
    since: at,
    state,
    counters: Object.assign(
      {
        framesReceived: received,
        framesDropped: dropped,
        framesInferred: inferred,
        frameRate: 0,
        lastFrame: undefined,
      },
      { inferenceSeconds },
    ),
  };
  return status;
}

/** A state every two seconds. */
function measure(...states: readonly (readonly Told[])[]): Meter {
  return states.reduce<Meter>((meter, told, index) => {
    const state: State = {
      generation: "g",
      pipeline: { t: "running" },
      cameras: told.map(camera),
      outputs: [],
    };
    return measured(meter, state, index * 2000, 60_000);
  }, NEW_METER);
}

describe("what cameras do", () => {
  it("is counted from one state to the next", () => {
    const { cameras } = figuresOf(
      measure(
        [{ received: 1000, dropped: 100 }],
        [{ received: 1030, dropped: 110 }],
        [{ received: 1060, dropped: 120 }],
      ),
    );
    assert.deepEqual(cameras, {
      front: { liveMs: 4000, receivedPerSecond: 15, framesPerSecond: 10, objectsPerMinute: 0 },
    });
  });

  it("says nothing before there are two states", () => {
    assert.deepEqual(figuresOf(measure([{ received: 1 }])).cameras, {});
  });

  const apart: readonly [string, Told, Told][] = [
    ["was not live", { received: 0, state: LOST }, { received: 30 }],
    ["is not live any more", { received: 0 }, { received: 30, state: LOST }],
    ["was away in between", { received: 0 }, { received: 30, since: new Date(1) }],
    ["is counted anew", { received: 500 }, { received: 30 }],
  ];
  for (const [name, before, after] of apart) {
    it(`does not count where a camera ${name}`, () => {
      assert.deepEqual(figuresOf(measure([before], [after])).cameras, {});
    });
  }

  it("does not go on from another worker's counters", () => {
    const first = interrupted(measure([{ received: 0 }]));
    const state: State = {
      generation: "g",
      pipeline: { t: "running" },
      cameras: [camera({ received: 1_000_000 })],
      outputs: [],
    };
    assert.deepEqual(measured(first, state, 2000, 60_000).laps, []);
  });

  it("is forgotten when it is long ago", () => {
    const states = Array.from({ length: 100 }, (_, index) => [{ received: index * 30 }]);
    assert.equal(measure(...states).laps.length, 30);
  });

  it("remembers what was lost, though it came back", () => {
    const meter = measure([{ received: 0 }], [{ received: 0, state: LOST }], [{ received: 0 }]);
    assert.deepEqual([...meter.lost], [["front", "unreachable"]]);
  });

  it("counts objects a minute while the camera is live", () => {
    const first = measure([{ received: 0 }]);
    const seen = objectsSeen(objectsSeen(first, "front", 3), "front", 2);
    const cameras = [camera({ received: 30 })];
    const state: State = { generation: "g", pipeline: { t: "running" }, cameras, outputs: [] };
    const { front } = figuresOf(measured(seen, state, 2000, 60_000)).cameras;
    assert.equal(front?.objectsPerMinute, 150);
  });

  it("knows the slow end of inference", () => {
    const fast = Array.from({ length: 20 }, (_, i) => [
      { received: i * 10, inferenceSeconds: i * 0.2 },
    ]);
    assert.equal(Math.round(figuresOf(measure(...fast)).inferenceMs ?? 0), 20);
    const slow = [...fast, [{ received: 200, inferenceSeconds: 19 * 0.2 + 1 }]];
    assert.equal(Math.round(figuresOf(measure(...slow)).inferenceMs ?? 0), 100);
  });
});
