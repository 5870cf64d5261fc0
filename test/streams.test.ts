import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { cameraIn, outputIn, untilState } from "./support/contract.js";
import { startPicture } from "./support/product.js";
import { until } from "./support/scope.js";
import {
  type CountingCamera,
  count,
  playFile,
  seenFrames,
  startViewer,
  view,
} from "./support/video.js";

const TIMEOUT_MS = 30_000;
const CAMERA = { width: 320, height: 184, rate: 15 } as const;
/** The camera's own size, and nothing drawn over its counter. */
const PLAIN = { OUTPUT_WIDTH: "320", OUTPUT_HEIGHT: "184", OVERLAY: "none" };

describe("a camera", () => {
  for (const codec of ["h264", "h265", "mjpeg"] as const) {
    it(`may send ${codec}`, async (t) => {
      const camera = await count(t, { ...CAMERA, codec });
      const product = await startPicture(t, { ...PLAIN, RTSPINPUT: `cam=${camera.uri}` });
      await showsItsFrames(t, camera, product.url);
      const encoding = await untilState(product.runDir, "its encoding", TIMEOUT_MS, (state) => {
        const status = cameraIn(state, "cam")?.state;
        return status?.$case === "live" && status.value.encoding;
      });
      assert.equal(encoding, { h264: "H264", h265: "H265", mjpeg: "JPEG" }[codec]);
    });
  }

  it("may send over UDP", async (t) => {
    const camera = await count(t, CAMERA);
    const settings = { ...PLAIN, RTSPINPUT: camera.uri, RTSP_TRANSPORT: "udp" };
    const product = await startPicture(t, settings);
    await showsItsFrames(t, camera, product.url);
  });
});

describe("the picture", () => {
  for (const codec of ["H264", "H265"]) {
    for (const protocol of ["tcp", "udp"] as const) {
      it(`can be watched as ${codec} over ${protocol}`, async (t) => {
        const camera = await count(t, CAMERA);
        const product = await startPicture(t, { ...PLAIN, RTSPINPUT: camera.uri, CODEC: codec });
        await showsItsFrames(t, camera, product.url, protocol);
      });
    }
  }

  it("has the size that was asked for, and more bytes a frame for more bits a second", async (t) => {
    const camera = await playFile(t);
    const bytes: number[] = [];
    for (const bitrate of [500_000, 2_000_000]) {
      const product = await startPicture(t, {
        RTSPINPUT: camera.uri,
        OUTPUT_WIDTH: "960",
        OUTPUT_HEIGHT: "540",
        BITRATE: String(bitrate),
      });
      const seen = await view(t, product.url, { frames: 100 });
      for (const { width, height } of seen) assert.deepEqual([width, height], [960, 540]);
      bytes.push((seen.at(-1)?.bytes ?? 0) / seen.length);
    }
    const [few = 0, many = 0] = bytes;
    t.diagnostic(`bytes a frame: ${Math.round(few)}, ${Math.round(many)}`);
    assert.ok(few > 0 && many > 2 * few, `bytes a frame: ${bytes}`);
  });

  it("comes to a new viewer with a first frame that can be read, every time", async (t) => {
    const camera = await count(t, CAMERA);
    const product = await startPicture(t, { ...PLAIN, RTSPINPUT: camera.uri });
    // Keeps the stream running, as a wall of screens does.
    const other = startViewer(t, product.url, {});
    await until("the other's picture", TIMEOUT_MS, () => seenFrames(other).length > 0);
    for (let visit = 0; visit < 10; visit++) {
      const [frame] = await view(t, product.url, { frames: 1, counter: "all" });
      assert.ok(typeof frame?.counter === "number", "a first frame that cannot be read");
    }
  });

  it("is encoded once for ten viewers at a time", async (t) => {
    const camera = await count(t, CAMERA);
    const product = await startPicture(t, { ...PLAIN, RTSPINPUT: `cam=${camera.uri}` });
    const viewers = Array.from({ length: 10 }, (_, index) => {
      const protocol = index % 2 === 0 ? "tcp" : "udp";
      return startViewer(t, product.url, { counter: "all", protocol });
    });
    await untilState(product.runDir, "ten viewers", TIMEOUT_MS, (state) => {
      return outputIn(state)?.viewers === 10;
    });
    const counters = () =>
      viewers.map((viewer) => seenFrames(viewer).flatMap(({ counter }) => counter ?? []));
    await until("a frame for everybody", TIMEOUT_MS, () => {
      return counters().every((each) => each.length > 0);
    });
    const start = Math.max(...(await camera.departures()).keys());
    await until("a second of frames for everybody", TIMEOUT_MS, () => {
      return counters().every((each) => (each.at(-1) ?? 0) > start + CAMERA.rate);
    });
    for (const each of counters()) {
      const during = each.filter((counter) => counter > start && counter <= start + CAMERA.rate);
      assert.ok(during.length >= CAMERA.rate * 0.8, `a viewer saw ${during}`);
      assert.deepEqual(
        during,
        [...new Set(during)].sort((a, b) => a - b),
      );
    }
    const [encoded, received] = await untilState(
      product.runDir,
      "the counts",
      TIMEOUT_MS,
      (state) => {
        const frames = cameraIn(state, "cam")?.counters?.framesReceived;
        const output = outputIn(state);
        return frames !== undefined && output !== undefined && ([output.frames, frames] as const);
      },
    );
    assert.ok(encoded <= received, `${encoded} frames were encoded out of ${received}`);
  });
});

/** A viewer sees frames of the camera, in order. */
async function showsItsFrames(
  t: TestContext,
  camera: CountingCamera,
  url: string,
  protocol: "tcp" | "udp" = "tcp",
): Promise<void> {
  const seen = await view(t, url, { frames: 15, counter: "all", protocol });
  const departures = await camera.departures();
  const counters = seen.map(({ counter }) => counter ?? -1);
  for (const counter of counters) assert.ok(departures.has(counter), `${counters}`);
  assert.deepEqual(
    counters,
    [...new Set(counters)].sort((a, b) => a - b),
  );
}
