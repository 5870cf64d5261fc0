import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { CloudEvent } from "../src/common/events/cloud-event.js";
import { eventually } from "../src/common/testing/eventually.js";
import { startPicture } from "./support/product.js";
import { temporaryDirectory } from "./support/scope.js";
import { type Rectangle, seenFrames, startViewer } from "./support/video.js";

/**
 * In the demo clip one person stays in the background at the left, one walks from the right edge to the left one in the
 * foreground, and one enters at its end right of the middle and walks to the right.
 */
const DOCUMENT = {
  tracker: "iou",
  cameras: [
    {
      id: "demo",
      uri: `file://${join(process.cwd(), "footage/demo.mp4")}`,
      // From the top to the bottom: in is from right to left.
      lines: [{ id: "middle", from: [0.5, 0], to: [0.5, 1], classes: ["person"] }],
      zones: [
        {
          id: "right",
          points: [
            [0.55, 0],
            [1, 0],
            [1, 1],
            [0.55, 1],
          ],
        },
      ],
    },
  ],
  events: { sinks: [{ file: {} }], pictures: { types: ["line.crossed"], of: "object" } },
};

/** A black camera with a zone from x to the right edge, and the strip of the frame in which its left edge is. */
const ZONE_SIZE = { width: 320, height: 180 };

function withZoneFrom(x: number) {
  const points = [
    [x, 0.1],
    [1, 0.1],
    [1, 0.9],
    [x, 0.9],
  ];
  const uri = `test://black?width=${ZONE_SIZE.width}&height=${ZONE_SIZE.height}&rate=10`;
  return { tracker: "iou", cameras: [{ id: "one", uri, zones: [{ id: "area", points }] }] };
}

function stripAt(x: number): Rectangle {
  return [Math.round(x * ZONE_SIZE.width) - 2, 70, 6, 60];
}

describe("zones and lines", () => {
  it("count what people count in the demo clip: one person in each round, from right to left", async (t) => {
    const { events, stateDir } = await watchDemo(t);
    await eventually(() => of(events(), "line.crossed").length >= 2, "two rounds are over");
    for (const { data } of of(events(), "line.crossed")) {
      assert.ok("direction" in data && "object" in data);
      assert.deepEqual([data.direction, data.object.class], ["in", "person"]);
    }
    const [first] = of(events(), "line.crossed");
    assert.ok(first !== undefined && "object" in first.data);
    const { track } = first.data.object;
    const own = events().filter(({ data }) => "object" in data && data.object.track === track);
    const types = own.map(({ type }) => type.replace("slipstream.", ""));
    assert.deepEqual(types.slice(0, 4), [
      "object.seen",
      "zone.entered",
      "zone.left",
      "line.crossed",
    ]);
    assert.ok("picture" in first.data && first.data.picture !== undefined);
    const picture = join(stateDir, "events", "pictures", `${first.data.picture}.jpg`);
    await eventually(() => existsSync(picture), "its picture is there");
    assert.deepEqual([...readFileSync(picture).subarray(0, 2)], [0xff, 0xd8]);
  });

  it("are drawn in the picture, and move with the settings without another specification", async (t) => {
    const path = join(await temporaryDirectory(t), "settings.json");
    writeFileSync(path, JSON.stringify(withZoneFrom(0.5)));
    const product = await startPicture(t, {
      ...{ SETTINGS_FILE: path, OVERLAY: "zones", TRIAL: "no", LOG_LEVEL: "debug" },
      OUTPUT_WIDTH: String(ZONE_SIZE.width),
      OUTPUT_HEIGHT: String(ZONE_SIZE.height),
    });
    const regions = [stripAt(0.5), stripAt(0.25)];
    const viewer = startViewer(t, product.url, { regions });
    const isDrawn = (...wanted: readonly boolean[]) => {
      const seen = seenFrames(viewer).at(-1)?.regions ?? [];
      return seen.length > 0 && seen.every(({ max }, index) => max > 120 === wanted[index]);
    };
    await eventually(() => isDrawn(true, false), "the zone is drawn");
    writeFileSync(path, JSON.stringify(withZoneFrom(0.25)));
    await eventually(() => isDrawn(false, true), "the zone has moved");
    const applied = product.agent.lines.filter((line) => line.includes('"specification applied"'));
    assert.equal(applied.length, 1);
  });
});

interface Watched {
  /** Reads the events so far. */
  readonly events: () => CloudEvent[];
  readonly stateDir: string;
}

async function watchDemo(t: TestContext): Promise<Watched> {
  const directory = await temporaryDirectory(t);
  const path = join(directory, "settings.json");
  writeFileSync(path, JSON.stringify(DOCUMENT));
  const stateDir = join(directory, "state");
  await startPicture(t, {
    MODEL: "models/nanodet-coco",
    SETTINGS_FILE: path,
    STATE_DIR: stateDir,
    TRIAL: "no",
  });
  const file = join(stateDir, "events", "events.jsonl");
  const events = () => {
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as CloudEvent);
  };
  return { events, stateDir };
}

function of(events: readonly CloudEvent[], type: string): CloudEvent[] {
  return events.filter((event) => event.type === `slipstream.${type}`);
}
