import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { cloudEvent } from "../../common/events/cloud-event.js";
import { eventSocketPath } from "../../common/events/socket.js";
import type { SlipstreamEvent } from "../../common/events/types.js";
import { recordingTerminal } from "../../common/testing/recording-terminal.js";
import { eventsCommand } from "./command.js";

const timeMs = Date.parse("2026-11-30T12:34:56.789Z");
const box = { left: 0, top: 0, width: 1, height: 1 };
const frame = { width: 640, height: 360 };
const object = { track: "7", class: "per\u001bson", confidence: 1, box, frame, attributes: {} };
const EVENTS: SlipstreamEvent[] = [
  {
    type: "zone.left",
    timeMs,
    data: { camera: "front", zone: "door", object, dwell: 1500 },
  },
  { type: "camera.state", timeMs, data: { camera: "back", state: "live" } },
];

describe("slipstream events", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "events-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  async function run(...args: readonly string[]) {
    const { terminal, result } = recordingTerminal({ STATE_DIR: directory });
    await eventsCommand(terminal).parseAsync(["node", "events", ...args]);
    return result;
  }

  /** An agent that sends its events and ends. */
  async function follow(...args: readonly string[]) {
    const lines = EVENTS.map((event) => `${JSON.stringify(cloudEvent(event, "n1"))}\n`).join("");
    const server = createServer((socket) => socket.end(lines));
    await once(server.listen(eventSocketPath(directory)), "listening");
    const result = await run(...args);
    server.close();
    return result;
  }

  it("prints one line for each event, without commands to the terminal", async () => {
    const { out, err, exit } = await follow();
    assert.equal(
      out,
      "12:34:56.789 front zone.left zones/door class=per?son track=7 dwell=1500\n" +
        "12:34:56.789 back camera.state state=live\n",
    );
    assert.match(err, /the agent has ended\n$/);
    assert.equal(exit, 1);
  });

  it("prints JSON, of the cameras and types that are asked for", async () => {
    const { out } = await follow("--json", "--camera", "front", "--type", "zone.left");
    assert.equal(JSON.parse(out).data.zone, "door");
    assert.equal((await follow("--camera", "side")).out, "");
  });

  it("says that no agent runs here", async () => {
    const { err, exit } = await run();
    assert.match(err, /events\.sock: no agent runs here\n$/);
    assert.equal(exit, 1);
  });
});
