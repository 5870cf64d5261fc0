// A door in front of a camera that can be made to behave badly: what a network, or a broken camera, does to a stream.
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Scope } from "./scope.js";

export type Behaviour =
  /** What comes is handed on. */
  | "open"
  /** Connections are refused, and those that there were are cut. */
  | "closed"
  /** Connections are taken, and nothing comes through them any more. */
  | "mute"
  /** The media packets hold garbage; the conversation about them is whole. */
  | "garble"
  /** Whoever comes is answered with what is no RTSP. */
  | "noise"
  /** Whoever asks is answered, and the answer has no end. */
  | "flood";

const FLOOD = Buffer.alloc(65_536, "x");
const NOISE = Buffer.from(
  "\x00\x01\xffHTTP/9.9 200 maybe\n\n$$$$RTSP/1.0\r\n\r\r\n\n\x80\x80\x80",
  "latin1",
);

const ANSWERS_ITSELF: ReadonlySet<Behaviour> = new Set(["noise", "flood"]);

export class BadDoor {
  readonly #to: () => number;
  readonly #pairs = new Set<readonly [Socket, Socket | undefined]>();
  #server: Server | undefined;
  #port = 0;
  #visits = 0;
  #swallowed = 0;
  #behaviour: Behaviour = "open";

  private constructor(to: () => number) {
    this.#to = to;
  }

  /** Opens a door to a port of this machine, which may change from visit to visit. */
  static async open(scope: Scope, to: () => number): Promise<BadDoor> {
    const door = new BadDoor(to);
    await door.#listen();
    scope.after(() => door.#close());
    return door;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections so far. */
  get visits(): number {
    return this.#visits;
  }

  /** Bytes that visitors said to it while it was mute. */
  get swallowed(): number {
    return this.#swallowed;
  }

  async behave(behaviour: Behaviour): Promise<void> {
    this.#behaviour = behaviour;
    if (behaviour === "closed") {
      await this.#close();
    } else if (this.#server === undefined) {
      await this.#listen();
    }
    if (ANSWERS_ITSELF.has(behaviour)) this.reset();
  }

  /** Cuts every connection as a host does that knows nothing of it: with a TCP reset. */
  reset(): void {
    for (const [visitor, host] of this.#pairs) {
      visitor.resetAndDestroy();
      host?.destroy();
    }
  }

  async #listen(): Promise<void> {
    const server = createServer((visitor) => this.#welcome(visitor));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    // The cast holds for every server that listens on TCP.
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const [visitor, host] of this.#pairs) {
      visitor.destroy();
      host?.destroy();
    }
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  #welcome(visitor: Socket): void {
    this.#visits++;
    const behaviour = this.#behaviour;
    const host = ANSWERS_ITSELF.has(behaviour) ? undefined : connect(this.#to(), "127.0.0.1");
    const pair = [visitor, host] as const;
    this.#pairs.add(pair);
    visitor.on("error", () => {}); // "close" follows
    visitor.on("close", () => {
      host?.destroy();
      this.#pairs.delete(pair);
    });
    if (host === undefined) {
      if (behaviour === "noise") visitor.on("data", () => visitor.write(NOISE));
      else visitor.once("data", (request) => flood(visitor, request));
      return;
    }
    host.on("error", () => {});
    host.on("close", () => {
      // A mute door does not even tell that the camera is gone.
      if (this.#behaviour !== "mute") visitor.destroy();
    });
    const packets = new Packets();
    visitor.on("data", (data) => {
      if (this.#behaviour === "mute") this.#swallowed += data.length;
      else host.write(data);
    });
    host.on("data", (data) => {
      const spoilt = packets.read(data, this.#behaviour === "garble");
      if (this.#behaviour !== "mute") visitor.write(spoilt);
    });
  }
}

/** Answers an RTSP request for as long as the answer is taken. */
function flood(visitor: Socket, request: Buffer): void {
  const cseq = /^CSeq: *(\d+)/im.exec(request.toString("latin1"))?.[1] ?? "1";
  visitor.write(`RTSP/1.0 200 OK\r\nCSeq: ${cseq}\r\nContent-Length: 2000000000\r\n\r\n`);
  const more = () => {
    while (!visitor.destroyed && visitor.write(FLOOD));
  };
  visitor.on("drain", more);
  more();
}

/** Finds the media packets in what an RTSP server sends over TCP: "$", channel, two bytes of length, and the packet. */
class Packets {
  /** Bytes of the packet under way that are still to come. */
  #left = 0;
  /** Of the packet under way, bytes before the payload that are still to come. */
  #header = 0;
  #head: number[] = [];

  /** The data, with the payloads of its packets spoilt if that is wanted. */
  read(data: Buffer, spoil: boolean): Buffer {
    const out = Buffer.from(data);
    for (let at = 0; at < out.length; at++) {
      const byte = out[at] ?? 0;
      if (this.#left > 0) {
        this.#left--;
        if (this.#header > 0) this.#header--;
        else if (spoil) out[at] = (byte * 7 + at) & 0xff;
      } else if (this.#head.length > 0 || byte === 0x24) {
        this.#head.push(byte);
        if (this.#head.length === 4) {
          const [, channel = 0, high = 0, low = 0] = this.#head;
          this.#left = high * 256 + low;
          // Control packets, on odd channels, stay whole.
          this.#header = channel % 2 === 0 ? 12 : this.#left;
          this.#head = [];
        }
      }
    }
    return out;
  }
}
