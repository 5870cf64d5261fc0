import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type CameraAnalytics, DEFAULT_OBJECTS } from "../../common/settings/analytics.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { SidecarError } from "../sidecar/calls.js";
import type { CameraZones } from "../sidecar/sidecar.js";
import { detectionOf, frameOf } from "../testing/detections.js";
import { NEW_CAMERA, observeFrame } from "./camera.js";
import { shapesOf } from "./shapes.js";
import { ZoneDisplay } from "./zone-display.js";

describe("ZoneDisplay", () => {
  const door = zones("door: 1");
  let clock: FakeClock;
  let wanted: readonly CameraZones[];
  let shown: (readonly CameraZones[])[];
  let open: number;
  let refusals: string[];
  let failure: SidecarError | undefined;
  let display: ZoneDisplay;
  let stop: AbortController;
  let ended: Promise<void>;

  function zones(text: string): readonly CameraZones[] {
    const points = [[0, 0] as const, [1, 0] as const, [1, 1] as const];
    return [{ cameraId: "front", shapes: [{ points, text }] }];
  }

  beforeEach(() => {
    [clock, wanted, shown, open, failure] = [new FakeClock(), door, [], 0, undefined];
    refusals = [];
    display = new ZoneDisplay({
      clock,
      open: () => {
        open++;
        return {
          showZones: (zones) => {
            if (failure !== undefined) return Promise.reject(failure);
            shown.push(zones);
            return Promise.resolve();
          },
          close: () => open--,
        };
      },
      zones: () => wanted,
      onRefused: ({ details }) => refusals.push(details),
    });
    stop = new AbortController();
    ended = display.run(stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await ended;
    assert.equal(open, 0, "every client is closed");
  });

  /** The loop waits for this time. */
  const waitsUntil = (timeMs: number) =>
    eventually(() => clock.nextMs === timeMs, `it waits until ${timeMs}`);

  it("tells a worker once it is connected, and again only what has changed", async () => {
    await waitsUntil(Infinity);
    assert.deepEqual(shown, []);
    display.onConnected();
    await waitsUntil(500);
    clock.advance(500);
    await waitsUntil(1000);
    assert.deepEqual(shown, [door]);
    wanted = zones("door: 2");
    clock.advance(500);
    await waitsUntil(1500);
    assert.deepEqual(shown, [door, wanted]);
  });

  it("tells a new worker what the last one knew", async () => {
    display.onConnected();
    await waitsUntil(500);
    display.onDisconnected();
    display.onConnected();
    await eventually(() => shown.length === 2, "the new worker is told");
    assert.deepEqual(shown, [door, door]);
  });

  it("takes away what is no longer wanted, then waits for settings", async () => {
    display.onConnected();
    await waitsUntil(500);
    wanted = [];
    display.notify();
    await waitsUntil(Infinity);
    assert.deepEqual(shown, [door, []]);
  });

  it("tries again after a failure", async () => {
    failure = new SidecarError("UNAVAILABLE", "ShowZones", "gone");
    display.onConnected();
    await waitsUntil(500);
    failure = undefined;
    clock.advance(500);
    await waitsUntil(1000);
    assert.deepEqual([shown, refusals], [[door], []]);
  });

  it("says once that a worker refuses", async () => {
    failure = new SidecarError("INVALID_ARGUMENT", "ShowZones", "no such camera");
    display.onConnected();
    for (const atMs of [500, 1000, 1500]) {
      await waitsUntil(atMs);
      clock.advance(500);
    }
    await waitsUntil(2000);
    assert.deepEqual(refusals, ["no such camera"]);
  });
});

describe("shapesOf", () => {
  const camera: CameraAnalytics = {
    zones: [
      {
        id: "door",
        points: [
          [0, 0],
          [1, 0],
          [1, 1],
        ],
        ...{ classes: [], loiteringAfterMs: undefined, crowd: undefined },
      },
    ],
    lines: [{ id: "gate", from: [0.5, 0], to: [0.5, 1], classes: [] }],
    objects: { ...DEFAULT_OBJECTS, seenAfterMs: 0 },
  };

  it("says nothing has been counted before the first frame", () => {
    assert.deepEqual(
      shapesOf(camera, NEW_CAMERA, 0).map(({ text }) => text),
      ["door: 0 (0 in 24 h)", "gate: 0 in, 0 out (24 h)"],
    );
  });

  it("counts those inside a zone now, and who entered and crossed within a day", () => {
    const dayMs = 86_400_000;
    let state = NEW_CAMERA;
    for (const [index, left] of [700, 700, 200].entries()) {
      const box = { left, top: 100, width: 100, height: 100 };
      const frame = frameOf({ detections: [detectionOf({ trackId: 7n, box })] }, []);
      ({ state } = observeFrame(state, frame, dayMs + index * 1000, camera));
    }
    const texts = (nowMs: number) => shapesOf(camera, state, nowMs).map(({ text }) => text);
    const [door = "", gate] = texts(dayMs + 2000);
    assert.match(door, /^door: 1 \(1 in 24 h\)$/);
    assert.ok(gate === "gate: 1 in, 0 out (24 h)" || gate === "gate: 0 in, 1 out (24 h)", gate);
    assert.equal(texts(3 * dayMs)[1], "gate: 0 in, 0 out (24 h)");
  });
});
