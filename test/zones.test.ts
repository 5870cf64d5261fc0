import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { CloudEvent } from "../src/common/events/cloud-event.js";
import { eventually } from "../src/common/testing/eventually.js";
import { startPicture } from "./support/product.js";
import { temporaryDirectory } from "./support/scope.js";

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
  events: { sinks: [{ file: {} }] },
};

describe("zones and lines", () => {
  it("count what people count in the demo clip: one person in each round, from right to left", async (t) => {
    const events = await watchDemo(t);
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
  });
});

/** Returns what reads the events so far. */
async function watchDemo(t: TestContext): Promise<() => CloudEvent[]> {
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
  return () => {
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as CloudEvent);
  };
}

function of(events: readonly CloudEvent[], type: string): CloudEvent[] {
  return events.filter((event) => event.type === `slipstream.${type}`);
}
