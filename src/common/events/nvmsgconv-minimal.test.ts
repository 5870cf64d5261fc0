import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cloudEvent } from "./cloud-event.js";
import { minimalText } from "./nvmsgconv-minimal.js";

const NO_TOTALS = { minute: 0, hour: 0, day: 0, byClass: {} };

function entered(attributes: Record<string, string>, name = "car") {
  const box = { left: 0.1, top: 0.2, width: 0.3, height: 0.4 };
  const frame = { width: 1920, height: 1080 };
  const object = { track: "957", class: name, confidence: 0.8, box, frame, attributes };
  const data = { camera: "front", zone: "door", object, totals: NO_TOTALS };
  return cloudEvent({ type: "zone.entered", timeMs: Date.UTC(2026, 10, 30), data }, "node");
}

describe("the minimal schema of nvmsgconv", () => {
  it("has track, left, top, right and bottom in pixels, class, attributes and confidence", () => {
    const event = entered({ type: "sedan", color: "blue" });
    assert.deepEqual(JSON.parse(minimalText(event) ?? ""), {
      version: "4.0",
      id: event.id,
      "@timestamp": "2026-11-30T00:00:00.000Z",
      sensorId: "front",
      objects: ["957|192|216|768|648|car|#|sedan|blue|0.8"],
    });
  });

  it("leaves the fields of attributes empty where there are none, as NVIDIA's does", () => {
    const { objects } = JSON.parse(minimalText(entered({})) ?? "");
    assert.deepEqual(objects, ["957|192|216|768|648|car|#|||||||0.8"]);
  });

  it("keeps its separator out of names", () => {
    const { objects } = JSON.parse(minimalText(entered({ color: "a|b" }, "x|y")) ?? "");
    assert.deepEqual(objects, ["957|192|216|768|648|x y|#|a b|0.8"]);
  });

  it("does not exist for events without an object", () => {
    const data = { state: "running" } as const;
    const event = cloudEvent({ type: "pipeline.state", timeMs: 0, data }, "node");
    assert.equal(minimalText(event), undefined);
  });
});
