import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CameraState, CameraStatus, State } from "../sidecar/state.js";
import { LIVE, LOST } from "../testing/simulated-node.js";
import {
  countObjects,
  figuresOf,
  interrupt,
  type Meter,
  measure,
  NEW_METER,
} from "./observation.js";

const since = new Date(0);

interface Reported {
  id?: string;
  state?: CameraState;
  since?: Date;
  received: number;
  dropped?: number;
  inferred?: number;
  inferenceSeconds?: number;
}

function camera({ id = "front", state = LIVE, since: at = since, received, ...more }: Reported) {
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
        inferenceCpuSeconds: 0,
        detectionLatency: undefined,
      },
      { inferenceSeconds },
    ),
  };
  return status;
}

/** A state every two seconds. */
function measured(...states: readonly (readonly Reported[])[]): Meter {
  return states.reduce<Meter>((meter, cameras, index) => {
    const state: State = {
      generation: "g",
      pipeline: { t: "running" },
      cameras: cameras.map(camera),
      outputs: [],
      processes: [],
    };
    return measure(meter, state, index * 2000, 60_000);
  }, NEW_METER);
}

describe("what cameras do", () => {
  it("is counted from one state to the next", () => {
    const { cameras } = figuresOf(
      measured(
        [{ received: 1000, dropped: 100 }],
        [{ received: 1030, dropped: 110 }],
        [{ received: 1060, dropped: 120 }],
      ),
    );
    assert.deepEqual(cameras, {
      front: { liveMs: 4000, receivedPerSecond: 15, framesPerSecond: 10, objectsPerMinute: 0 },
    });
  });

  it("is unknown before there are two states", () => {
    assert.deepEqual(figuresOf(measured([{ received: 1 }])).cameras, {});
  });

  const unsampled: readonly [string, Reported, Reported][] = [
    ["was not live", { received: 0, state: LOST }, { received: 30 }],
    ["is no longer live", { received: 0 }, { received: 30, state: LOST }],
    ["was away in between", { received: 0 }, { received: 30, since: new Date(1) }],
    ["starts its counters again", { received: 500 }, { received: 30 }],
  ];
  for (const [name, before, after] of unsampled) {
    it(`does not count where a camera ${name}`, () => {
      assert.deepEqual(figuresOf(measured([before], [after])).cameras, {});
    });
  }

  it("does not continue another worker's counters", () => {
    const first = interrupt(measured([{ received: 0 }]));
    const state: State = {
      generation: "g",
      pipeline: { t: "running" },
      cameras: [camera({ received: 1_000_000 })],
      outputs: [],
      processes: [],
    };
    assert.deepEqual(measure(first, state, 2000, 60_000).samples, []);
  });

  it("is dropped when it is long ago", () => {
    const states = Array.from({ length: 100 }, (_, index) => [{ received: index * 30 }]);
    assert.equal(measured(...states).samples.length, 30);
  });

  it("remembers a lost camera that came back", () => {
    const meter = measured([{ received: 0 }], [{ received: 0, state: LOST }], [{ received: 0 }]);
    assert.deepEqual([...meter.lost], [["front", "unreachable"]]);
  });

  it("counts objects per minute while the camera is live", () => {
    const first = measured([{ received: 0 }]);
    const seen = countObjects(countObjects(first, "front", 3), "front", 2);
    const cameras = [camera({ received: 30 })];
    const state: State = {
      generation: "g",
      pipeline: { t: "running" },
      cameras,
      outputs: [],
      processes: [],
    };
    const { front } = figuresOf(measure(seen, state, 2000, 60_000)).cameras;
    assert.equal(front?.objectsPerMinute, 150);
  });

  it("includes the slow end of inference", () => {
    const fast = Array.from({ length: 20 }, (_, i) => [
      { received: i * 10, inferenceSeconds: i * 0.2 },
    ]);
    assert.equal(Math.round(figuresOf(measured(...fast)).inferenceMs ?? 0), 20);
    const slow = [...fast, [{ received: 200, inferenceSeconds: 19 * 0.2 + 1 }]];
    assert.equal(Math.round(figuresOf(measured(...slow)).inferenceMs ?? 0), 100);
  });
});
