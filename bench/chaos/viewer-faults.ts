// What viewers and other visitors do to the port of the pictures.
import { setTimeout as delay } from "node:timers/promises";
import { RtspClient } from "../../test/support/rtsp-client.js";
import { type FaultKind, lasts, type Stage } from "./fault.js";
import { between, type Random } from "./random.js";
import type { World } from "./world.js";

const CROWD = 50;
const NONSENSE = [
  "GET / HTTP/1.1\r\nHost: camera\r\n\r\n",
  "DESCRIBE rtsp://127.0.0.1/ds RTSP/1.0\r\n\r\n",
  `OPTIONS ${"a".repeat(100_000)} RTSP/1.0\r\nCSeq: 1\r\n\r\n`,
  "SETUP rtsp://127.0.0.1/ds RTSP/1.0\r\nCSeq: -1\r\nContent-Length: -5\r\n\r\n",
  "PLAY * RTSP/1.0\r\nCSeq: 1\r\nSession: none\r\n\r\n",
  "$\x00\xff\xff",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
];

const HITS_NOBODY = { hits: [], reasons: [] } as const;

export const VIEWER_FAULTS: readonly FaultKind[] = [
  {
    ...HITS_NOBODY,
    name: "a crowd of viewers",
    story: `${CROWD} viewers come, watch for a moment, and go without a word`,
    begin: async ({ world, random }) => {
      const visits = Array.from({ length: CROWD }, () => visit(world, random));
      await Promise.all(visits);
    },
    until: lasts(0),
    healed: hasOnlyItsViewers,
  },
  {
    ...HITS_NOBODY,
    name: "a viewer that never reads",
    story: "a viewer has the picture sent to it and takes nothing of it for many seconds",
    begin: async ({ world, victim }) => {
      const viewer = await RtspClient.play(world.url(victim.id));
      viewer.stopReading();
      await delay(6000);
      viewer.leave();
    },
    until: lasts(0),
    healed: hasOnlyItsViewers,
  },
  {
    ...HITS_NOBODY,
    name: "visitors without a word",
    story: "many connect to the port, say nothing, and go",
    begin: async ({ world }) => {
      const visitors = await Promise.all(
        Array.from({ length: CROWD }, () => RtspClient.connect(world.port)),
      );
      await delay(1000);
      for (const visitor of visitors) visitor.leave();
    },
    until: lasts(0),
  },
  {
    ...HITS_NOBODY,
    name: "visitors that talk nonsense",
    story: "requests that are none come to the port",
    begin: async ({ world }) => {
      for (const text of NONSENSE) {
        const visitor = await RtspClient.connect(world.port);
        visitor.send(Buffer.from(text, "latin1"));
        await delay(100);
        visitor.leave();
      }
    },
    until: lasts(0),
    healed: hasOnlyItsViewers,
  },
];

async function visit(world: World, random: Random): Promise<void> {
  const cameras = [...world.witnesses, ...world.victims];
  const camera = cameras[Math.floor(random() * cameras.length)];
  const [comesMs, staysMs] = [between(random, 0, 2000), between(random, 300, 1500)];
  if (camera === undefined) return;
  await delay(comesMs);
  const viewer = await RtspClient.play(world.url(camera.id));
  await delay(staysMs);
  viewer.leave();
}

/** The product counts the viewers that keep watching, one a picture, and none of those that are gone. */
function hasOnlyItsViewers({ world }: Stage): boolean {
  return world.status.state?.outputs.every(({ viewers }) => viewers === 1) ?? false;
}
