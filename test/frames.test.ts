import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { detections } from "./support/contract.js";
import { squareModel } from "./support/models.js";
import { PICTURE_TIMEOUT_MS, type Product, startPicture } from "./support/product.js";
import { jump, type Rectangle, type SeenFrame, view } from "./support/video.js";

/** The picture of jump_camera.py. */
const CELL = 64;
const COLUMNS = 10;
const ROWS = 6;
const CELLS = Array.from({ length: COLUMNS * ROWS }, (_, index) => index);

/** Of each cell: its middle, and its top, left, bottom and right edge, where the outline of its box is. */
const PARTS: readonly Rectangle[] = [
  [16, 16, 32, 32],
  [8, 0, 48, 2],
  [0, 8, 2, 48],
  [8, 62, 48, 2],
  [62, 8, 2, 48],
];

const REGIONS: readonly Rectangle[] = CELLS.flatMap((cell) => {
  const left = (cell % COLUMNS) * CELL;
  const top = Math.floor(cell / COLUMNS) * CELL;
  return PARTS.map(([x, y, width, height]) => [left + x, top + y, width, height] as const);
});

describe("boxes", () => {
  it("surround what is on the very frame that they are drawn on", async (t) => {
    const product = await watchJumps(t, {});
    for (const frame of await view(t, product.url, { frames: 60, regions: REGIONS })) {
      const { squares, boxes } = cellsIn(frame);
      assert.equal(squares.length, 1);
      assert.deepEqual(boxes, squares);
    }
  });

  it("are those of the last frame that was looked at, with an interval", async (t) => {
    const product = await watchJumps(t, { DETECTION_INTERVAL: "2" });
    const frames = await view(t, product.url, { frames: 60, regions: REGIONS });
    const seen = frames.map(cellsIn).map(({ squares, boxes }) => {
      assert.deepEqual([squares.length, boxes.length], [1, 1]);
      return { square: squares[0] ?? -1, box: boxes[0] ?? -1 };
    });
    seen.slice(2).forEach(({ box }, index) => {
      const lastThree = seen.slice(index, index + 3).map(({ square }) => square);
      assert.ok(lastThree.includes(box), `the box is in cell ${box}, the squares in ${lastThree}`);
    });
    const fresh = seen.filter(({ square, box }) => square === box).length;
    assert.ok(fresh >= 15 && fresh <= 25, `${fresh} of 60 boxes are of their own frame`);
  });

  it("are called carried in the contract when they are of an earlier frame", async (t) => {
    const product = await watchJumps(t, { DETECTION_INTERVAL: "2" });
    const kinds: boolean[] = [];
    let inferred: number | undefined;
    for await (const frame of detections(product.runDir, AbortSignal.timeout(PICTURE_TIMEOUT_MS))) {
      assert.deepEqual([frame.frameWidth, frame.frameHeight], [COLUMNS * CELL, ROWS * CELL]);
      const cells = frame.detections.map(({ box }) => cellOf(box?.left ?? -1, box?.top ?? -1));
      assert.equal(cells.length, 1);
      if (frame.inferred) [inferred] = cells;
      else if (inferred !== undefined) assert.equal(cells[0], inferred);
      kinds.push(frame.inferred);
      if (kinds.length === 30) break;
    }
    const first = kinds.indexOf(true);
    assert.ok(first >= 0 && first < 3);
    kinds.slice(first).forEach((kind, index) => {
      assert.equal(kind, index % 3 === 0);
    });
  });
});

/** The picture of a camera with a jumping square and a network that finds it; only boxes are drawn. */
async function watchJumps(t: TestContext, wanted: Record<string, string>): Promise<Product> {
  const camera = await jump(t);
  return startPicture(t, {
    MODEL: await squareModel(t),
    RTSPINPUT: camera.uri,
    OVERLAY: "boxes",
    OUTPUT_WIDTH: String(COLUMNS * CELL),
    OUTPUT_HEIGHT: String(ROWS * CELL),
    BITRATE: "20000000",
    ...wanted,
  });
}

/** The cells in which there is a white square, and those that have an outline, on all sides. */
function cellsIn({ regions = [] }: SeenFrame): { squares: number[]; boxes: number[] } {
  const partsOf = (cell: number) => {
    return regions.slice(cell * PARTS.length, (cell + 1) * PARTS.length);
  };
  return {
    squares: CELLS.filter((cell) => (partsOf(cell)[0]?.y ?? 0) > 180),
    // The outline is orange; all else is grey.
    boxes: CELLS.filter((cell) =>
      partsOf(cell)
        .slice(1)
        .every(({ u, v }) => u < 100 && v > 140),
    ),
  };
}

function cellOf(left: number, top: number): number {
  return Math.round(top / CELL) * COLUMNS + Math.round(left / CELL);
}
