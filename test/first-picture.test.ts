import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { start } from "./support/processes.js";
import { PICTURE_TIMEOUT_MS, startDev } from "./support/product.js";
import { temporaryDirectory, until } from "./support/scope.js";
import { count, seenFrames, startViewer, view } from "./support/video.js";

/** The overlay's colour for class 0, which the shipped default model calls person. */
const PERSON_COLOUR = [230, 159, 0] as const;
/** Two persons' outlines have more; a frame without any has next to none. */
const OUTLINES = 150;
/** As newcomers have it. */
const DEFAULTS = {
  MODEL: "models/nanodet-coco",
  LOG_FORMAT: "text",
  OUTPUT_WIDTH: "1280",
  OUTPUT_HEIGHT: "720",
};

describe("make dev", () => {
  it("plays the demo camera, and says that the picture is ready once it has boxes", async (t) => {
    const dev = await startDev(t, DEFAULTS);
    const line = await dev.launcher.line(/output ready/, PICTURE_TIMEOUT_MS);
    assert.ok(line.endsWith(dev.url), line);
    const watched = await view(t, dev.url, { frames: 30, colour: PERSON_COLOUR });
    for (const { width, height } of watched) assert.deepEqual([width, height], [1280, 720]);
    // The network misses a fast player now and then.
    assert.ok(watched.filter(({ coloured = 0 }) => coloured > OUTLINES).length >= 20);
    assert.ok((await pixelsOfBoxes(t, dev.url)) > 2 * OUTLINES);

    const demo = /a demo camera plays at (\S+)/.exec(
      await dev.launcher.line(/demo camera/, 0),
    )?.[1];
    const raw = await view(t, demo ?? "", { frames: 20, colour: PERSON_COLOUR });
    for (const { coloured = 0 } of raw) {
      assert.ok(coloured < OUTLINES / 3, `${coloured} places of the raw frame have that colour`);
    }
  });

  it("watches the camera that RTSPINPUT names, and starts no other", async (t) => {
    const camera = await count(t);
    const dev = await startDev(t, { ...DEFAULTS, RTSPINPUT: `front=${camera.uri}` });
    await dev.launcher.line(/output ready/, PICTURE_TIMEOUT_MS);
    const seen = await view(t, dev.url, { frames: 5, counter: "all" });
    const departures = await camera.departures();
    for (const { counter } of seen) assert.ok(departures.has(counter ?? -1), `frame ${counter}`);
    assert.ok((await dev.launcher.line(/camera live/, 0)).includes("front"));
    const commands = (await dev.launcher.descendants()).map(({ command }) => command);
    assert.ok(!commands.some((command) => command.includes("dev.camera")), commands.join("\n"));
  });

  it("ends on Ctrl-C and leaves no process, directory or port", async (t) => {
    const dev = await startDev(t, DEFAULTS);
    await dev.launcher.line(/output ready/, PICTURE_TIMEOUT_MS);
    const viewer = startViewer(t, dev.url, {});
    await until("a frame", PICTURE_TIMEOUT_MS, () => seenFrames(viewer).length > 0);
    dev.launcher.signal("SIGINT");
    assert.deepEqual(await dev.launcher.end(PICTURE_TIMEOUT_MS), { code: 0, signal: null });
    assert.deepEqual(await dev.launcher.left(), []);
    assert.deepEqual(await readdir(dev.temporary), []);
    await listenOn(t, dev.port);
  });

  it("ends as cleanly when Ctrl-C comes before anything runs", async (t) => {
    const dev = await startDev(t, DEFAULTS);
    await until("a process", PICTURE_TIMEOUT_MS, async () => {
      return (await dev.launcher.descendants()).length > 0;
    });
    dev.launcher.signal("SIGINT");
    assert.deepEqual(await dev.launcher.end(PICTURE_TIMEOUT_MS), { code: 0, signal: null });
    assert.deepEqual(await dev.launcher.left(), []);
    assert.deepEqual(await readdir(dev.temporary), []);
  });

  it("tells every wrong setting in a line of its own and ends", async (t) => {
    const dev = await startDev(t, { ...DEFAULTS, BITRATE: "4M", CODEC: "H266" });
    assert.equal((await dev.launcher.end(PICTURE_TIMEOUT_MS)).code, 78);
    assert.match(await dev.launcher.line(/BITRATE/, 0), /4M.*did you mean 4000000/);
    assert.match(await dev.launcher.line(/CODEC/, 0), /H266.*H264 or H265/);
    assert.deepEqual(await dev.launcher.left(), []);
  });
});

/** Fails if something listens there. */
async function listenOn(t: TestContext, port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, exclusive: true }, resolve);
  });
  t.after(() => new Promise((resolve) => server.close(resolve)));
}

/** Saves a frame with boxes as PNG, and says how many of its pixels have their colour. */
async function pixelsOfBoxes(t: TestContext, url: string): Promise<number> {
  const path = join(await temporaryDirectory(t), "frame.png");
  await until("a frame with boxes", PICTURE_TIMEOUT_MS, async () => {
    const png = { path, frame: 0 };
    const [frame] = await view(t, url, { frames: 1, colour: PERSON_COLOUR, png });
    return (frame?.coloured ?? 0) > OUTLINES;
  });
  const args = ["test/support/coloured.py", path, PERSON_COLOUR.join(",")];
  const program = start(t, ".venv/bin/python", args);
  return Number(await program.line(/^\d+$/, PICTURE_TIMEOUT_MS));
}
