import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as z from "zod";
import { interrupt, NEW_CAMERA, observeFrame } from "../../src/agent/analytics/camera.js";
import { topicOf } from "../../src/agent/events/sinks/topics.js";
import { detectionOf, frameOf } from "../../src/agent/testing/detections.js";
import { asyncApi, eventsSchema } from "../../src/cli/events/docs.js";
import { cloudEvent } from "../../src/common/events/cloud-event.js";
import type { SlipstreamEvent } from "../../src/common/events/types.js";
import { DEFAULT_OBJECTS } from "../../src/common/settings/analytics.js";

const ALL = {
  zones: [
    {
      id: "door",
      points: [
        [0, 0],
        [0.5, 0],
        [0.5, 1],
        [0, 1],
      ],
      classes: [],
      loiteringAfterMs: 100,
      crowd: { limit: 0, afterMs: 0 },
    },
  ],
  lines: [{ id: "gate", from: [0.25, 0], to: [0.25, 1], classes: [] }],
  objects: { ...DEFAULT_OBJECTS, seenAfterMs: 0 },
} as const;

/** An object that walks over the line, through the zone and out of it. */
function everything(): SlipstreamEvent[] {
  let state = NEW_CAMERA;
  const events: SlipstreamEvent[] = [];
  for (const [index, left] of [100, 200, 300, 400, 600, 700].entries()) {
    const box = { left, top: 500, width: 10, height: 10 };
    const attributes = [{ name: "colour", value: "red", confidence: 1 }];
    const detections = [detectionOf({ trackId: 1n, box, attributes })];
    const timeMs = Date.UTC(2026, 10, 30) + index * 100;
    const observed = observeFrame(state, frameOf({ detections }, []), timeMs, ALL);
    state = observed.state;
    events.push(...observed.events);
  }
  const timeMs = Date.UTC(2026, 10, 30);
  return [
    ...events,
    ...interrupt(state, "front", ALL).events,
    { type: "camera.state", timeMs, data: { camera: "front", state: "lost", reason: "timeout" } },
    { type: "output.state", timeMs, data: { output: "rtsp", camera: "front", state: "serving" } },
    { type: "pipeline.state", timeMs, data: { state: "running" } },
    { type: "trial.result", timeMs, data: { result: "failed", reasons: ["no frame"] } },
  ];
}

describe("the published schemas of events", () => {
  it("accept an event of every type, and have no type that does not occur", () => {
    const schema = z.fromJSONSchema(eventsSchema() as z.core.JSONSchema.JSONSchema);
    const events = everything().map((event) => cloudEvent(event, "n1"));
    for (const event of events) {
      const { error } = schema.safeParse(JSON.parse(JSON.stringify(event)));
      assert.equal(error, undefined, `${event.type}: ${error}`);
    }
    const types = new Set(events.map(({ type }) => type.replace("slipstream.", "")));
    assert.deepEqual([...types].sort(), Object.keys(eventsSchema().$defs).sort());
  });

  it("name the topics that events are published at", () => {
    const { channels } = asyncApi();
    for (const event of everything()) {
      const pattern = channels[event.type]?.address
        .replace("{topic}/{node}/", "")
        .replaceAll(/\{\w+\}/g, "[^/]+");
      // An output of one camera has that camera in its topic.
      const topic = topicOf(cloudEvent(event, "n1")).replace(/^(outputs\/\w+)\/cameras\/\w+/, "$1");
      assert.match(topic, new RegExp(`^${pattern}$`));
    }
  });
});
