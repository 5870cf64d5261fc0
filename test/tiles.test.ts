import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cameraIn, untilState } from "./support/contract.js";
import { type Product, startPicture } from "./support/product.js";
import { until } from "./support/scope.js";
import {
  type CountingCamera,
  count,
  type Rectangle,
  type SeenFrame,
  seenFrames,
  startViewer,
  view,
} from "./support/video.js";

const WIDTH = 1280;
const HEIGHT = 720;
const SIZE = { OUTPUT_WIDTH: String(WIDTH), OUTPUT_HEIGHT: String(HEIGHT) };
const TIMEOUT_MS = 30_000;
/** The cameras' own shape, which their frames keep. */
const CAMERA = { width: 640, height: 360, rate: 10 } as const;

/** Luma that only the texts have on a tile that is dimmed. */
const INK = 200;

describe("several cameras", () => {
  for (const names of [
    ["left", "right"],
    ["a", "camera-at-the-back-door", "c"],
  ]) {
    it(`tile, ${names.length} of them, each in its own place and named`, async (t) => {
      const cameras = await Promise.all(names.map(() => count(t, CAMERA)));
      const product = await startPicture(t, { ...SIZE, RTSPINPUT: list(names, cameras) });
      await allLive(product, names);
      const tiles = tilesOf(names.length);
      const seen = await view(t, product.url, {
        seconds: 2.5,
        tiles: tiles.map(frameIn),
        regions: tiles.flatMap((tile) => [nameIn(tile), behindShortNameIn(tile)]),
      });
      for (const [index, camera] of cameras.entries()) {
        const departures = await camera.departures();
        const numbers = countersOf(seen, index);
        assert.ok(numbers.length >= 15, `tile ${index}: ${numbers}`);
        for (const number of numbers) assert.ok(departures.has(number), `tile ${index}: ${number}`);
      }
      const regions = seen.at(-1)?.regions ?? [];
      names.forEach((name, index) => {
        const [start, end] = regions.slice(2 * index, 2 * index + 2);
        assert.ok((start?.max ?? 0) > INK, `${name} is not named`);
        assert.equal((end?.max ?? 0) > INK, name.length > 10, `${name} has another's name`);
      });
    });
  }

  it("do not disturb one another: one that dies is said to be gone, and comes back", async (t) => {
    const [front, back] = await Promise.all([count(t, CAMERA), count(t, CAMERA)]);
    const names = ["front", "back"];
    const product = await startPicture(t, { ...SIZE, RTSPINPUT: list(names, [front, back]) });
    await allLive(product, names);
    const [frontTile, backTile] = tilesOf(2);
    assert.ok(frontTile !== undefined && backTile !== undefined);
    const viewer = startViewer(t, product.url, {
      tiles: [frameIn(frontTile), frameIn(backTile)],
      regions: [noteIn(backTile), besideNoteIn(backTile)],
    });
    await until("both counters", TIMEOUT_MS, () => {
      const tiles = seenFrames(viewer).at(-1)?.tiles;
      return typeof tiles?.[0] === "number" && typeof tiles[1] === "number";
    });

    const bright = seenFrames(viewer).at(-1)?.regions?.[1]?.y ?? 0;
    back.process.signal("SIGKILL");
    const lost = await untilState(product.runDir, "the lost camera", TIMEOUT_MS, (state) => {
      const status = cameraIn(state, "back")?.state;
      return status?.$case === "lost" && status.value;
    });
    assert.match(lost.detail, new RegExp(back.uri));
    await until("a dimmed tile with a note", TIMEOUT_MS, () => {
      const [note, beside] = seenFrames(viewer).at(-1)?.regions ?? [];
      return note !== undefined && beside !== undefined && note.max > INK && beside.y < bright / 2;
    });

    const alone = seenFrames(viewer).length;
    await until("fresh frames of the other camera", TIMEOUT_MS, () => {
      return countersOf(seenFrames(viewer).slice(alone), 0).length > 2 * CAMERA.rate;
    });

    const port = Number(new URL(back.uri).port);
    const again = await count(t, { ...CAMERA, port });
    await untilState(product.runDir, "the camera again", TIMEOUT_MS, (state) => {
      return cameraIn(state, "back")?.state?.$case === "live";
    });
    const before = seenFrames(viewer).length;
    const departures = await until("its frames", TIMEOUT_MS, async () => {
      const left = await again.departures();
      const fresh = countersOf(seenFrames(viewer).slice(before), 1);
      return fresh.length > 5 && fresh.every((number) => left.has(number)) && left;
    });
    assert.ok(departures.size > 0);
  });
});

function list(names: readonly string[], cameras: readonly CountingCamera[]): string {
  return names.map((name, index) => `${name}=${cameras[index]?.uri}`).join(",");
}

function allLive({ runDir }: Product, names: readonly string[]): Promise<boolean> {
  return untilState(runDir, "all cameras live", TIMEOUT_MS, (state) => {
    return names.every((name) => cameraIn(state, name)?.state?.$case === "live");
  });
}

/** Rows = int(sqrt(n)), columns = ceil(n / rows); edges on even pixels. */
function tilesOf(count: number): Rectangle[] {
  const rows = Math.floor(Math.sqrt(count));
  const columns = Math.ceil(count / rows);
  const even = (value: number) => 2 * Math.round(value / 2);
  return Array.from({ length: count }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const [left, top] = [even((WIDTH * column) / columns), even((HEIGHT * row) / rows)];
    const right = even((WIDTH * (column + 1)) / columns);
    return [left, top, right - left, even((HEIGHT * (row + 1)) / rows) - top];
  });
}

/** The largest place of the camera's shape in the middle of a tile. */
function frameIn([x, y, width, height]: Rectangle): Rectangle {
  const scale = Math.min(width / CAMERA.width, height / CAMERA.height);
  const [w, h] = [Math.floor(CAMERA.width * scale), Math.floor(CAMERA.height * scale)];
  return [x + Math.floor((width - w) / 2), y + Math.floor((height - h) / 2), w, h];
}

/** Where the first letters of a name are: at the top left of a tile, here on a black bar. */
function nameIn([x, y]: Rectangle): Rectangle {
  return [x + 12, y + 12, 30, 30];
}

/** Where only a long name comes to. */
function behindShortNameIn([x, y]: Rectangle): Rectangle {
  return [x + 120, y + 12, 80, 30];
}

/** The middle of a tile, where it says why it shows nothing fresh. */
function noteIn([x, y, width, height]: Rectangle): Rectangle {
  return [x + width / 2 - 60, y + height / 2 - 12, 120, 24];
}

/** A part of the camera's frame, which moves while the camera lives, without counter or note. */
function besideNoteIn(tile: Rectangle): Rectangle {
  const [x, y, width, height] = frameIn(tile);
  return [x, y + Math.round(height * 0.8), width, Math.round(height * 0.15)];
}

/** The counters of a tile, each once. */
function countersOf(seen: readonly SeenFrame[], tile: number): number[] {
  const numbers = seen.map(({ tiles }) => tiles?.[tile]).filter((n) => typeof n === "number");
  return [...new Set(numbers)];
}
