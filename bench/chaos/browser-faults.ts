// Faults that browsers and other clients cause at the agent's HTTP port.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { askAgent } from "../../src/common/api/client.js";
import { type FaultKind, lasts, type Stage } from "./fault.js";
import type { World } from "./world.js";

const PAGES = 200;
const READERS = 20;
/** Longer than the agent waits for the headers of a request, and for a browser that reads nothing. */
const STAYS_MS = 7_000;

const HITS_NOBODY = { hits: [], reasons: [] } as const;

export const BROWSER_FAULTS: readonly FaultKind[] = [
  {
    ...HITS_NOBODY,
    name: "a crowd of pages",
    story: `${PAGES} pages are opened, and are closed after a while`,
    begin: async ({ world }) => {
      const head = "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
      await visit(
        world,
        Array.from({ length: PAGES }, () => head),
      );
    },
    until: lasts(0),
    healed: answers,
  },
  {
    ...HITS_NOBODY,
    name: "browsers that do not read",
    story: "browsers ask for live video and for updates, and read nothing of them",
    begin: async ({ world, victim }) => {
      const paths = ["video", "preview", "live"].map(
        (name) => `/api/v1/${name}?output=rtsp&camera=${victim.id}`,
      );
      const heads = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await visit(world, Array.from({ length: READERS }, () => heads).flat(), false);
    },
    until: lasts(0),
    healed: answers,
  },
  {
    ...HITS_NOBODY,
    name: "bad HTTP clients",
    story:
      "clients send requests of other sites, bodies that are too long, and headers without an end",
    begin: async ({ world }) => {
      const post = "POST /api/v1/trials/take-back HTTP/1.1\r\nHost: localhost\r\n";
      await visit(world, [
        `${post}Origin: https://evil.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
        `${post}Content-Type: application/json\r\nContent-Length: 2000000000\r\n\r\n${"x".repeat(100_000)}`,
        `${post}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n`,
        `GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n`,
        `GET /${"x".repeat(100_000)} HTTP/1.1\r\n`,
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      ]);
    },
    until: lasts(0),
    healed: answers,
  },
];

/** Opens connections, sends one text on each, and closes them after a while. */
async function visit(world: World, texts: readonly string[], reads = true): Promise<void> {
  const sockets = await Promise.all(texts.map((text) => send(world.httpPort, text, reads)));
  await delay(STAYS_MS);
  for (const socket of sockets) socket.destroy();
}

async function send(port: number, text: string, reads: boolean): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // it is cut off
  await once(socket, "connect");
  if (reads) socket.resume();
  socket.write(text, "latin1");
  return socket;
}

/** Whether the agent answers others again. */
async function answers({ world }: Stage): Promise<boolean> {
  const at = `http://127.0.0.1:${world.httpPort}`;
  try {
    return (await askAgent({ at }, "/readyz", AbortSignal.timeout(1000))).status === 200;
  } catch {
    return false;
  }
}
