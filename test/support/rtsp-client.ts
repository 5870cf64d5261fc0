// A light RTSP client over TCP, for crowds of viewers: it takes the stream and looks at none of it.
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const ANSWER_TIMEOUT_MS = 30_000;
/** Begins a packet among the answers: $, the channel, and the length in two bytes. */
const PACKET = "$".charCodeAt(0);

export class RtspClient {
  readonly #socket: Socket;
  /** What has come since the last request. */
  #pending = Buffer.alloc(0);
  #bytes = 0;
  #isPlaying = false;
  #sequence = 0;
  #session = "";
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      this.#closed = true;
    });
    socket.on("data", (data) => {
      this.#bytes += data.length;
      if (!this.#isPlaying) this.#pending = Buffer.concat([this.#pending, data]);
    });
  }

  /** Connects and says nothing. */
  static async connect(port: number): Promise<RtspClient> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    });
    return new RtspClient(socket);
  }

  /** Connects and has the stream played. */
  static async play(url: string): Promise<RtspClient> {
    const client = await RtspClient.connect(Number(new URL(url).port));
    try {
      const description = await client.#ask("DESCRIBE", url, ["Accept: application/sdp"]);
      // The first control is that of the whole presentation, the last that of its only stream.
      const control = [...description.matchAll(/^a=control:(.*)\r$/gm)].at(-1)?.[1] ?? "";
      const stream = control.startsWith("rtsp://") ? control : `${url}/${control}`;
      const setup = await client.#ask("SETUP", stream, [
        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1",
      ]);
      client.#session = /^Session: *([^;\r]+)/im.exec(setup)?.[1] ?? "";
      await client.#ask("PLAY", url, ["Range: npt=0.000-"]);
      client.#isPlaying = true;
    } catch (error) {
      client.leave();
      throw error;
    }
    return client;
  }

  /** Bytes received so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get isConnected(): boolean {
    return !this.#closed;
  }

  /** Sends anything. */
  send(data: Buffer | string): void {
    this.#socket.write(data);
  }

  /** From now on it reads nothing, and says nothing about that. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Goes without a word. */
  leave(): void {
    this.#socket.destroy();
  }

  /** The answer's head and body; throws unless it is a success. */
  async #ask(method: string, url: string, headers: readonly string[]): Promise<string> {
    this.#pending = Buffer.alloc(0);
    const all = [`CSeq: ${++this.#sequence}`, ...headers];
    if (this.#session !== "") all.push(`Session: ${this.#session}`);
    this.#socket.write([`${method} ${url} RTSP/1.0`, ...all, "", ""].join("\r\n"));
    const deadlineMs = performance.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const text = firstAnswer(this.#pending);
      if (text !== undefined) {
        if (!text.startsWith("RTSP/1.0 200")) throw new Error(`${method}: ${text}`);
        return text;
      }
      if (this.#closed) throw new Error(`${method}: the connection was closed`);
      if (performance.now() > deadlineMs) throw new Error(`${method}: no answer`);
      await delay(10);
    }
  }
}

/** The first whole answer, behind packets of the stream: a server may send those before it answers PLAY. */
function firstAnswer(data: Buffer): string | undefined {
  let at = 0;
  while (data[at] === PACKET) {
    if (data.length < at + 4) return undefined;
    at += 4 + data.readUInt16BE(at + 2);
  }
  const text = data.toString("latin1", at);
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end + 4);
  const whole = head.length + Number(/^Content-Length: *(\d+)/im.exec(head)?.[1] ?? 0);
  return text.length < whole ? undefined : text.slice(0, whole);
}
