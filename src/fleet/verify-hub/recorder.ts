// Stands between the make targets and a hub, passes everything on, and keeps what was asked and answered.

import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A request and its answer; bodies parsed where they are JSON. Holds no login. */
export interface Recorded {
  readonly method: string;
  /** Below the hub's own address, with the query. */
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  readonly answer: unknown;
}

export interface RecorderOptions {
  /** Address of the hub's service, with its path: https://hub.example.com:3090/v1/. */
  readonly target: string;
  /** Certificate that signs the hub's, in PEM. Undefined: the system knows it. */
  readonly ca?: Buffer | undefined;
}

/** Data that are no JSON and no text are kept as their length. */
const LONGEST_TEXT_BYTES = 16_384;

export class Recorder {
  readonly recorded: Recorded[] = [];
  readonly #options: RecorderOptions;
  readonly #server: Server;

  static async start(options: RecorderOptions): Promise<Recorder> {
    const recorder = new Recorder(options);
    await new Promise<void>((resolve) => recorder.#server.listen(0, "127.0.0.1", resolve));
    return recorder;
  }

  private constructor(options: RecorderOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#pass(request).then(
        ({ status, type, body }) => {
          response.writeHead(status, type === undefined ? {} : { "content-type": type });
          response.end(body);
        },
        (error: unknown) => {
          response.writeHead(502, { "content-type": "text/plain" });
          response.end(`the hub does not answer: ${error}`);
        },
      );
    });
  }

  /** What the make targets are given in the place of the hub's address. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo; // it listens on TCP
    return `http://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(request: IncomingMessage) {
    const { method = "", url: path = "", headers } = request;
    const body = await buffer(request);
    const { target, ca } = this.#options;
    const url = new URL(`${target.replace(/\/*$/, "")}${path}`);
    const { host: _, connection: __, "accept-encoding": ___, ...passed } = headers;
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = send(url, { method, headers: passed, ...(ca && { ca }) }, resolve);
      outgoing.once("error", reject);
      outgoing.end(body);
    });
    const said = await buffer(answer);
    const status = answer.statusCode ?? 0;
    this.recorded.push({
      method,
      path: path.replace(/^\//, ""),
      body: readBody(body),
      status,
      answer: readBody(said),
    });
    return { status, type: answer.headers["content-type"], body: said };
  }
}

function readBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const text = body.toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    const isText = body.length <= LONGEST_TEXT_BYTES && !/[^\t\n\r -~]/.test(text);
    return isText ? text : `${body.length} bytes`;
  }
}
