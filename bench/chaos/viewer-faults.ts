// Faults that viewers and other clients cause at the RTSP port.
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

const CHUNK = Buffer.alloc(64 * 1024, "x");
const MOST_CHUNKS = 10_000;

const HITS_NOBODY = { hits: [], reasons: [] } as const;

export const VIEWER_FAULTS: readonly FaultKind[] = [
  {
    ...HITS_NOBODY,
    name: "a crowd of viewers",
    story: `${CROWD} viewers connect, watch for a moment, and disconnect without a TEARDOWN`,
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
    story: "a viewer starts a stream and reads nothing of it for many seconds",
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
    name: "silent clients",
    story: "many clients connect to the port, send nothing, and disconnect",
    begin: async ({ world }) => {
      const clients = await Promise.all(
        Array.from({ length: CROWD }, () => RtspClient.connect(world.port)),
      );
      await delay(1000);
      for (const client of clients) client.leave();
    },
    until: lasts(0),
  },
  {
    ...HITS_NOBODY,
    name: "clients that send nonsense",
    story: "clients send invalid requests to the port",
    begin: async ({ world }) => {
      for (const text of NONSENSE) {
        const client = await RtspClient.connect(world.port);
        client.send(Buffer.from(text, "latin1"));
        await delay(100);
        client.leave();
      }
    },
    until: lasts(0),
    healed: hasOnlyItsViewers,
  },
  {
    ...HITS_NOBODY,
    name: "a client that sends without end",
    story: "a client announces a body of 2 GB and sends it as fast as it can",
    begin: async ({ world }) => {
      const client = await RtspClient.connect(world.port);
      client.send("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\n");
      for (let sent = 0; client.isConnected; sent++) {
        if (sent === MOST_CHUNKS) throw new Error("the client was not cut off");
        client.send(CHUNK);
        await delay(1);
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

/** Whether the state counts one viewer per stream: those that keep watching, and none of those that left. */
function hasOnlyItsViewers({ world }: Stage): boolean {
  return world.status.state?.outputs.every(({ viewers }) => viewers === 1) ?? false;
}
