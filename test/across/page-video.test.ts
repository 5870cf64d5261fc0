// What the agent sends of a live stream, and what the page reads of it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { previewChunk, videoChunk } from "../../src/agent/http/stream-format.js";
import { codecOf, Messages } from "../../src/page/messages.js";
import { fit, tile } from "../../src/page/tiles.js";

const KEY = {
  isH265: false,
  isKey: true,
  description: Buffer.from([1, 0x42, 0xc0, 0x1e, 0xff]),
  data: Buffer.alloc(300_000, 7),
};
const DELTA = { isH265: true, isKey: false, description: Buffer.alloc(0), data: Buffer.from("d") };

describe("a live stream on its way to the page", () => {
  const bytes = Buffer.concat([
    videoChunk(KEY).bytes,
    videoChunk(DELTA).bytes,
    previewChunk(Buffer.from("jpeg")).bytes,
  ]);

  for (const size of [1_000_000, 100_003, 1009]) {
    it(`arrives as it was sent, in pieces of ${size} bytes`, () => {
      const messages = new Messages();
      const frames = [];
      for (let at = 0; at < bytes.length; at += size) {
        frames.push(...messages.push(bytes.subarray(at, at + size)));
      }
      assert.deepEqual(
        frames.map(({ format, isKey, description, data }) => {
          return [format, isKey, Buffer.from(description).toString("hex"), data.length];
        }),
        [
          ["H264", true, "0142c01eff", 300_000],
          ["H265", false, "", 1],
          ["JPEG", true, "", 4],
        ],
      );
      assert.ok(Buffer.from(frames[0]?.data ?? []).equals(KEY.data));
      assert.equal(Buffer.from(frames[2]?.data ?? []).toString(), "jpeg");
    });
  }

  it("names its codec by the description, or by the parameter set in the data", () => {
    const frame = (description: number[], data: number[]) => {
      const chunk = { ...KEY, description: Buffer.from(description), data: Buffer.from(data) };
      const [message] = new Messages().push(videoChunk(chunk).bytes);
      assert.ok(message !== undefined);
      return codecOf(message);
    };
    assert.equal(frame([1, 0x42, 0xc0, 0x1e], [0]), "avc1.42c01e");
    const byteStream = [0, 0, 0, 1, 0x09, 0x10, 0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xac];
    assert.equal(frame([], byteStream), "avc1.640028");
  });
});

describe("a camera in a tiled stream", () => {
  it("has the tile that the sidecar gives it", () => {
    assert.deepEqual(tile(0, 1, 640, 360), { x: 0, y: 0, width: 640, height: 360 });
    assert.deepEqual(tile(4, 5, 1280, 720), { x: 426, y: 360, width: 428, height: 360 });
  });

  it("keeps its shape in it", () => {
    const square = { x: 100, y: 0, width: 400, height: 400 };
    assert.deepEqual(fit(1280, 720, square), { x: 100, y: 86, width: 400, height: 225 });
    assert.deepEqual(fit(360, 640, square), { x: 186, y: 0, width: 225, height: 400 });
  });
});
