import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "./config.js";
import { type Desired, generationOf } from "./spec.js";
import { desiredFrom } from "./testing/desired-from.js";

function desired(env: Readonly<Record<string, string>> = {}): Desired {
  return desiredFrom(loadConfig({ RTSPINPUT: "front=rtsp://u:p@cam/1", ...env }, "/work"));
}

describe("a specification", () => {
  it("is made of the settings of the environment", () => {
    assert.deepEqual(desired({ OVERLAY: "counts", DETECTION_CLASSES: "person" }).spec, {
      cameras: [
        {
          id: "front",
          name: "front",
          uri: "rtsp://cam/1",
          credentials: { username: "u", password: "p" },
          transport: "tcp",
          acceptAnyCertificate: false,
          frozenAfterMs: 60_000,
          silentAfterMs: 10_000,
          stillIntervalMs: 0,
          latencyMs: 100,
          masks: [],
          hiding: undefined,
          off: undefined,
        },
      ],
      models: [
        {
          bundlePath: "/work/models/nanodet-coco",
          interval: undefined,
          threshold: undefined,
          classes: ["person"],
        },
      ],
      tracker: undefined,
      overlay: { boxes: false, labels: false, counts: true, names: false, zones: false },
      outputs: [
        {
          id: "rtsp",
          layout: "tiled",
          encoding: { codec: "H264", width: 1280, height: 720, bitrate: 4_000_000, frameRate: 25 },
          target: { t: "rtsp", port: 8554, path: "/ds", users: [] },
        },
      ],
    });
  });
});

describe("generation", () => {
  it("is the same for the same content, however it was written", () => {
    const { generation } = desired();
    assert.match(generation, /^[0-9a-f]{16}$/);
    assert.equal(desired({ CODEC: "h264", LOG_LEVEL: "debug" }).generation, generation);
  });

  it("does not depend on the order of keys", () => {
    const { spec, generation } = desired();
    const { outputs, overlay, tracker, models, cameras } = spec;
    assert.equal(generationOf({ outputs, overlay, tracker, models, cameras }), generation);
  });

  it("changes with any content, the order of cameras and a password", () => {
    const two = { RTSPINPUT: "a=rtsp://a/1,b=rtsp://b/2" };
    const generations = [
      desired(),
      desired({ BITRATE: "1000000" }),
      desired({ DETECTION_INTERVAL: "0" }),
      desired({ RTSPINPUT: "front=rtsp://u:q@cam/1" }),
      desired(two),
      desired({ RTSPINPUT: "b=rtsp://b/2,a=rtsp://a/1" }),
    ].map(({ generation }) => generation);
    assert.equal(new Set(generations).size, generations.length);
  });
});
