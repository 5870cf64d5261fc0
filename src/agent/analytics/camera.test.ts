import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { SlipstreamEvent } from "../../common/events/types.js";
import {
  type CameraAnalytics,
  DEFAULT_OBJECTS,
  type Zone,
} from "../../common/settings/analytics.js";
import type { Detection, FrameDetections } from "../sidecar/state.js";
import { detectionOf, frameOf } from "../testing/detections.js";
import { type CameraState, interrupt, NEW_CAMERA, observeFrame } from "./camera.js";

const START_MS = Date.parse("2026-11-30T12:00:00Z");
const FRAME_MS = 100;

const LEFT_HALF: Zone = {
  id: "left",
  points: [
    [0, 0],
    [0.5, 0],
    [0.5, 1],
    [0, 1],
  ],
  classes: [],
  loiteringAfterMs: 3000,
  crowd: { limit: 1, afterMs: 1000 },
};
/** From the top to the bottom: its left is the right half of the picture. */
const MIDDLE = { id: "middle", from: [0.5, 0], to: [0.5, 1], classes: [] } as const;
const OPTIONS: CameraAnalytics = {
  zones: [LEFT_HALF],
  lines: [MIDDLE],
  objects: { ...DEFAULT_OBJECTS, seenAfterMs: 200, goneAfterMs: 500 },
};

/** A detection whose foot is at a point in fractions of the frame. */
function at(x: number, y = 0.5, detection: Partial<Detection> = {}): Detection {
  const box = { left: x * 1000 - 50, top: y * 1000 - 200, width: 100, height: 200 };
  return detectionOf({ trackId: 1n, box, ...detection });
}

/** Shows frames one after the other; a frame is a list of detections. */
function watch(frames: readonly (readonly Detection[])[], options = OPTIONS) {
  let state: CameraState = NEW_CAMERA;
  const events: SlipstreamEvent[] = [];
  frames.forEach((detections, index) => {
    const timeMs = START_MS + index * FRAME_MS;
    const observed = observeFrame(state, frameOf({ detections }, []), timeMs, options);
    state = observed.state;
    events.push(...observed.events);
  });
  return { state, events };
}

function typesOf(events: readonly SlipstreamEvent[]): string[] {
  return events.map(({ type }) => type).filter((type) => type !== "camera.counts");
}

function dataOf<Type extends SlipstreamEvent["type"]>(
  events: readonly SlipstreamEvent[],
  type: Type,
) {
  return events.flatMap((event) =>
    event.type === type ? [event.data as Extract<SlipstreamEvent, { type: Type }>["data"]] : [],
  );
}

function repeat<T>(times: number, item: T): T[] {
  return Array.from({ length: times }, () => item);
}

describe("a camera's events", () => {
  it("tell of an object that walks through a zone and over a line", () => {
    const walk = Array.from({ length: 21 }, (_, step) => [at(0.9 - step * 0.04)]);
    const { events } = watch([...walk, ...repeat(10, [])]);
    assert.deepEqual(typesOf(events), [
      "object.seen",
      "zone.entered",
      "line.crossed",
      "zone.occupancy",
      "zone.left",
      "object.gone",
      "zone.occupancy",
    ]);
    const [crossed] = dataOf(events, "line.crossed");
    assert.equal(crossed?.direction, "in");
    assert.equal(crossed?.totals.in.minute, 1);
    assert.equal(crossed?.totals.out.day, 0);
    assert.equal(crossed?.object.heading, 270);
    const [left] = dataOf(events, "zone.left");
    assert.equal(left?.dwell, 900);
    assert.deepEqual(
      dataOf(events, "zone.occupancy").map(({ count }) => count),
      [1, 0],
    );
  });

  it("count an object by its foot, or by its centre", () => {
    const zone: Zone = {
      ...LEFT_HALF,
      points: [
        [0, 0.5],
        [1, 0.5],
        [1, 1],
        [0, 1],
      ],
    };
    const frames = repeat(5, [at(0.5, 0.55)]);
    const options = { ...OPTIONS, lines: [], zones: [zone] };
    assert.equal(dataOf(watch(frames, options).events, "zone.entered").length, 1);
    const centre = { ...options, objects: { ...options.objects, point: "centre" as const } };
    assert.equal(dataOf(watch(frames, centre).events, "zone.entered").length, 0);
  });

  it("say nothing of a box that trembles at an edge", () => {
    const tremble = Array.from({ length: 50 }, (_, step) => [
      at(0.5 + (step % 2 ? 0.004 : -0.004)),
    ]);
    const { events } = watch([...repeat(5, [at(0.45)]), ...tremble]);
    assert.deepEqual(typesOf(events), [
      "object.seen",
      "zone.entered",
      "zone.occupancy",
      "zone.loitering",
    ]);
  });

  it("say nothing of a detection that flickers up", () => {
    assert.deepEqual(typesOf(watch([[at(0.2)], [], [], [], [], [], [], [], []]).events), []);
  });

  it("keep an object that is missing for less than goneAfter", () => {
    const frames = [...repeat(5, [at(0.2)]), ...repeat(4, []), ...repeat(5, [at(0.2)])];
    assert.deepEqual(typesOf(watch(frames).events), [
      "object.seen",
      "zone.entered",
      "zone.occupancy",
    ]);
  });

  it("include objects at the very edge of the frame", () => {
    const { events } = watch(repeat(5, [at(0.2, 1)]));
    assert.equal(dataOf(events, "zone.entered").length, 1);
  });

  it("tell of loitering once", () => {
    const { events } = watch(repeat(100, [at(0.2)]));
    assert.deepEqual(
      dataOf(events, "zone.loitering").map(({ dwell }) => dwell),
      [3000],
    );
  });

  it("tell of overcrowding when it has lasted, and of its end", () => {
    const two = [at(0.2), at(0.3, 0.5, { trackId: 2n })];
    const short = [...repeat(5, two), ...repeat(20, [at(0.2)])];
    assert.deepEqual(dataOf(watch(short).events, "zone.overcrowding"), []);
    const long = [...repeat(30, two), ...repeat(30, [at(0.2)])];
    assert.deepEqual(
      dataOf(watch(long).events, "zone.overcrowding").map(({ state, count }) => [state, count]),
      [
        ["began", 2],
        ["ended", 1],
      ],
    );
  });

  it("count only the classes of a zone and of a line", () => {
    const options = {
      ...OPTIONS,
      zones: [{ ...LEFT_HALF, classes: ["car"] }],
      lines: [{ ...MIDDLE, classes: ["car"] }],
    };
    const walk = Array.from({ length: 21 }, (_, step) => [
      at(0.9 - step * 0.04),
      at(0.9 - step * 0.04, 0.7, { trackId: 2n, label: "car" }),
    ]);
    const { events } = watch(walk, options);
    assert.deepEqual(
      dataOf(events, "zone.entered").map(({ object }) => object.class),
      ["car"],
    );
    const [crossed] = dataOf(events, "line.crossed");
    assert.deepEqual(Object.keys(crossed?.totals.in.byClass ?? {}), ["car"]);
  });

  it("ignore a line that an object passes at its end", () => {
    const short = { ...MIDDLE, to: [0.5, 0.3] } as const;
    const walk = Array.from({ length: 21 }, (_, step) => [at(0.9 - step * 0.04)]);
    const { events } = watch(walk, { ...OPTIONS, lines: [short] });
    assert.deepEqual(dataOf(events, "line.crossed"), []);
  });

  it("take a class that flickers for the one that is seen most often", () => {
    const frames = ["person", "car", "person", "car", "car"].map((label) => [
      at(0.2, 0.5, { label }),
    ]);
    assert.deepEqual(
      dataOf(watch(frames).events, "object.seen").map(({ object }) => object.class),
      ["person"],
    );
  });

  it("leave a zone that is removed or moved while the object is in it", () => {
    const { state } = watch(repeat(5, [at(0.2)]));
    const next = observeFrame(
      state,
      frameOf({ detections: [at(0.2)] }, []),
      state.timeMs + FRAME_MS,
      { ...OPTIONS, zones: [] },
    );
    assert.deepEqual(typesOf(next.events), ["zone.left"]);
  });

  it("end all objects when the camera is lost", () => {
    const { state } = watch(repeat(5, [at(0.2)]));
    const ended = interrupt(state, "front", OPTIONS);
    assert.deepEqual(typesOf(ended.events), ["zone.left", "object.gone", "zone.occupancy"]);
    assert.deepEqual(interrupt(ended.state, "front", OPTIONS).events, []);
  });

  it("report counts once a minute, with the minute, the hour and the day", () => {
    const frames = [...repeat(50, []), ...repeat(5, [at(0.2)]), ...repeat(1250, [])];
    const counts = dataOf(watch(frames).events, "camera.counts").map(({ zones }) => zones["left"]);
    assert.deepEqual(
      counts.map((totals) => [totals?.minute, totals?.hour, totals?.day]),
      [
        [0, 0, 0],
        [1, 1, 1],
        [0, 1, 1],
      ],
    );
  });

  it("survive a clock that is set, forward or back", () => {
    let { state } = watch(repeat(5, [at(0.2)]));
    for (const timeMs of [state.timeMs + 86_400_000, START_MS - 86_400_000]) {
      const observed = observeFrame(state, frameOf({ detections: [at(0.2)] }, []), timeMs, OPTIONS);
      assert.ok(!typesOf(observed.events).includes("zone.left"));
      state = observed.state;
    }
  });
});

describe("any objects in front of a camera", () => {
  /** Up to four objects, each there or not, anywhere, of any class. */
  const frames = fc.array(
    fc.array(
      fc.record({
        trackId: fc.bigInt({ min: 1n, max: 4n }),
        x: fc.double({ min: 0, max: 1, noNaN: true }),
        y: fc.double({ min: 0, max: 1, noNaN: true }),
        label: fc.constantFrom("person", "car"),
        confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { maxLength: 5 },
    ),
    { maxLength: 60 },
  );
  const detections = frames.map((all) =>
    all.map((frame) =>
      frame.map(({ x, y, trackId, label, confidence }) => at(x, y, { trackId, label, confidence })),
    ),
  );

  it("leave as often as they enter, and no count is ever negative", () => {
    fc.assert(
      fc.property(detections, (all) => {
        const { events, state } = watch(all);
        const inside = new Set<string>();
        for (const { type, data } of [...events, ...interrupt(state, "front", OPTIONS).events]) {
          if (type === "zone.entered") {
            assert.ok(!inside.has(data.object.track));
            inside.add(data.object.track);
          }
          if (type === "zone.left") assert.ok(inside.delete(data.object.track));
          if (type === "zone.occupancy") {
            assert.equal(data.count, inside.size);
            for (const number of Object.values(data.byClass)) assert.ok(number > 0);
          }
        }
        assert.equal(inside.size, 0);
      }),
    );
  });

  it("are seen before anything else of them is reported, and gone after it", () => {
    fc.assert(
      fc.property(detections, (all) => {
        const { events, state } = watch(all);
        const there = new Set<string>();
        for (const { type, data } of [...events, ...interrupt(state, "front", OPTIONS).events]) {
          if (!("object" in data)) continue;
          const { track } = data.object;
          if (type === "object.seen") there.add(track);
          else assert.ok(there.has(track), `${type} of ${track}`);
          if (type === "object.gone") there.delete(track);
        }
        assert.equal(there.size, 0);
      }),
    );
  });

  it("give the same events in whatever order a frame lists them", () => {
    fc.assert(
      fc.property(detections, (all) => {
        const { events } = watch(all);
        assert.deepEqual(watch(all.map((frame) => frame.toReversed())).events, events);
      }),
    );
  });

  it("alternate between the directions of a line that has no end in the frame", () => {
    const long = { ...MIDDLE, from: [0.5, -1], to: [0.5, 2] } as const;
    fc.assert(
      fc.property(detections, (all) => {
        const last = new Map<string, string>();
        for (const { type, data } of watch(all, { ...OPTIONS, lines: [long] }).events) {
          if (type === "object.gone") last.delete(data.object.track);
          if (type !== "line.crossed") continue;
          assert.notEqual(last.get(data.object.track), data.direction);
          last.set(data.object.track, data.direction);
        }
      }),
    );
  });

  it("give the same events when the state is stored and read between frames", async () => {
    const { parseState, formatState } = await import("./stored-state.js");
    fc.assert(
      fc.property(detections, (all) => {
        let state: CameraState = NEW_CAMERA;
        const events: SlipstreamEvent[] = [];
        all.forEach((found, index) => {
          const frame: FrameDetections = frameOf({ detections: found }, []);
          const timeMs = START_MS + index * FRAME_MS;
          const stored = parseState(formatState(state)) ?? NEW_CAMERA;
          const observed = observeFrame(stored, frame, timeMs, OPTIONS);
          state = observed.state;
          events.push(...observed.events);
        });
        assert.deepEqual(events, watch(all).events);
      }),
    );
  });
});
