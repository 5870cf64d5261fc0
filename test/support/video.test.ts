import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "./scope.js";
import { count, playFile, view } from "./video.js";

const LOGIN = { user: "eve", password: "s3cret" } as const;

describe("a counting camera and a viewer", () => {
  for (const codec of ["h264", "h265"] as const) {
    for (const protocol of ["tcp", "udp"] as const) {
      it(`agree on each frame and its time, with ${codec} over ${protocol}`, async (t) => {
        const camera = await count(t, { codec, rate: 30, width: 320, height: 184 });
        const seen = await view(t, camera.uri, { frames: 30, counter: "all", protocol });
        const departures = await camera.departures();
        const counters = seen.map(({ counter }) => counter ?? -1);
        const first = counters[0] ?? -1;
        assert.ok(first >= 0);
        assert.deepEqual(counters, [...departures.keys()].filter((c) => c >= first).slice(0, 30));
        for (const { t: arrived, counter } of seen) {
          const left = departures.get(counter ?? -1);
          assert.ok(left !== undefined && arrived > left && arrived - left < 2e9);
        }
      });
    }
  }

  it("need the login where one is set", async (t) => {
    const camera = await count(t, { login: LOGIN });
    assert.equal((await view(t, camera.uri, { frames: 1, login: LOGIN })).length, 1);
    await assert.rejects(view(t, camera.uri, { frames: 1 }), /Unauthorized/);
  });

  it("know of a codec that cannot be shown", async (t) => {
    const camera = await count(t, { codec: "mjpeg" });
    await assert.rejects(view(t, camera.uri, { frames: 1 }), /codec JPEG/);
  });
});

describe("a viewer", () => {
  it("saves a frame", async (t) => {
    const path = join(await temporaryDirectory(t), "frame.png");
    const camera = await playFile(t);
    await view(t, camera.uri, { frames: 2, png: { path, frame: 1 } });
    const png = await readFile(path);
    assert.equal(png.toString("latin1", 1, 4), "PNG");
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1280, 720]);
  });

  it("fails when a stream stands still", async (t) => {
    const camera = await count(t);
    await view(t, camera.uri, { frames: 1 });
    const watching = view(t, camera.uri, { seconds: 20, patience: 1 });
    camera.process.signal("SIGSTOP");
    await assert.rejects(watching, /no frame came for 1/);
  });

  it("watches for so many seconds", async (t) => {
    const camera = await playFile(t);
    const seen = await view(t, camera.uri, { seconds: 1.5 });
    assert.ok(seen.length >= 10 && seen.length <= 24, `${seen.length} frames`);
  });

  it("says that nobody listens", async (t) => {
    await assert.rejects(view(t, "rtsp://127.0.0.1:1/none", { frames: 1 }), /Could not open/);
  });
});
