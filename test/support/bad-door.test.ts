import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { BadDoor } from "./bad-door.js";
import { until } from "./scope.js";

const TIMEOUT_MS = 30_000;
/** An answer, a media packet with a payload of four bytes, a control packet, and an answer again. */
const SAID = Buffer.concat([
  Buffer.from("RTSP/1.0 200 OK\r\n\r\n"),
  Buffer.from([0x24, 0, 0, 16, ...new Array<number>(12).fill(7), 1, 2, 3, 4]),
  Buffer.from([0x24, 1, 0, 4, 5, 6, 7, 8]),
  Buffer.from("RTSP/1.0 200 OK\r\n\r\n"),
]);

describe("a door", () => {
  it("hands on what comes, when it is open", async (t) => {
    const { door, heard } = await between(t);
    const visitor = visit(t, door);
    visitor.socket.write("hello");
    await until("the answer", TIMEOUT_MS, () => visitor.data().length === SAID.length);
    assert.deepEqual(visitor.data(), SAID);
    assert.equal(heard(), "hello");
    assert.equal(door.visits, 1);
  });

  it("spoils the payload of media packets and nothing else", async (t) => {
    const { door } = await between(t);
    await door.behave("garble");
    const visitor = visit(t, door);
    visitor.socket.write("hello");
    await until("the answer", TIMEOUT_MS, () => visitor.data().length === SAID.length);
    const payload = SAID.indexOf(Buffer.from([1, 2, 3, 4]));
    const [said, seen] = [[...SAID], [...visitor.data()]];
    assert.notDeepEqual(seen.splice(payload, 4), said.splice(payload, 4));
    assert.deepEqual(seen, said);
  });

  it("lets nothing through when it is mute, and takes connections", async (t) => {
    const { door, heard } = await between(t);
    await door.behave("mute");
    const visitor = visit(t, door);
    visitor.socket.write("hello");
    await until("the word", TIMEOUT_MS, () => door.swallowed === "hello".length);
    await door.behave("open");
    visitor.socket.write("again");
    await until("the answer", TIMEOUT_MS, () => visitor.data().length > 0);
    assert.equal(heard(), "again");
  });

  it("answers without end, for as long as the answer is taken", async (t) => {
    const { door, heard } = await between(t);
    await door.behave("flood");
    const visitor = visit(t, door);
    visitor.socket.write("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n");
    await until("much of the answer", TIMEOUT_MS, () => visitor.data().length > 1_000_000);
    visitor.socket.destroy();
    assert.match(visitor.data().toString("latin1", 0, 100), /^RTSP\/1\.0 200 OK\r\nCSeq: 7\r\n/);
    assert.equal(heard(), "");
  });

  it("answers with noise", async (t) => {
    const { door, heard } = await between(t);
    await door.behave("noise");
    const visitor = visit(t, door);
    visitor.socket.write("hello");
    await until("an answer", TIMEOUT_MS, () => visitor.data().length > 0);
    assert.ok(!visitor.data().toString("latin1").startsWith("RTSP"));
    assert.equal(heard(), "");
  });

  it("resets what there is, and refuses when it is closed, until it is open again", async (t) => {
    const { door } = await between(t);
    const visitor = visit(t, door);
    visitor.socket.write("hello");
    await until("the answer", TIMEOUT_MS, () => visitor.data().length > 0);
    door.reset();
    assert.equal(await visitor.end, "ECONNRESET");
    await door.behave("closed");
    assert.equal(await visit(t, door).end, "ECONNREFUSED");
    const { port } = door;
    await door.behave("open");
    assert.equal(door.port, port);
    const last = visit(t, door);
    last.socket.write("hello");
    await until("the answer", TIMEOUT_MS, () => last.data().length > 0);
  });
});

/** A door in front of a server that says the same whenever it hears something, and what that heard. */
async function between(t: TestContext): Promise<{ door: BadDoor; heard: () => string }> {
  let heard = "";
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      heard += data.toString();
      socket.write(SAID);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // The cast holds for every server that listens on TCP.
  const { port } = server.address() as AddressInfo;
  return { door: await BadDoor.open(t, () => port), heard: () => heard };
}

interface Visitor {
  readonly socket: Socket;
  readonly data: () => Buffer;
  /** The code of the error with which it ended. */
  readonly end: Promise<string>;
}

function visit(t: TestContext, door: BadDoor): Visitor {
  const socket = connect(door.port, "127.0.0.1");
  const pieces: Buffer[] = [];
  socket.on("data", (data) => pieces.push(data));
  const end = new Promise<string>((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  });
  t.after(() => socket.destroy());
  return { socket, data: () => Buffer.concat(pieces), end };
}
