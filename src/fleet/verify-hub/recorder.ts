/** A proxy between the make targets and a hub: it passes everything on, and records what was asked and answered. */

import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { isObject } from "../../common/json/document.js";

/** A request and its answer; JSON bodies are parsed. Holds no login. */
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
  /** Certificate that signs the hub's, in PEM. Undefined: the system trusts it already. */
  readonly ca?: Buffer | undefined;
}

/** Longer bodies, and binary ones, are recorded by their length alone. */
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

  /** The address for the make targets to use instead of the hub's. */
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
    const content = await buffer(answer);
    const status = answer.statusCode ?? 0;
    this.recorded.push({
      method,
      path: path.replace(/^\//, ""),
      body: readBody(body),
      status,
      answer: readBody(content),
    });
    return { status, type: answer.headers["content-type"], body: content };
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

/** Whose hub was recorded. */
export interface Owner {
  readonly org: string;
  /** Without the password. */
  readonly user: string;
}

/** The names that replace the owner's. */
export const ANONYMOUS: Owner = { org: "myorg", user: "me" };

/** Lists in answers, which hold the resources of others too. */
const LISTS = ["services", "businessPolicy", "patterns", "nodes"];

/**
 * The recorded request without what belongs to one hub, one user and one moment, so that it can be kept and compared.
 *
 * @param isOurs whether a resource of a list, by its id, was made for the recording
 */
export function anonymized(
  { method, path, body, status, answer }: Recorded,
  owner: Owner,
  isOurs: (id: string) => boolean,
): Recorded {
  return {
    method,
    path: anonymousText(path, owner),
    body: anonymousValue(body, owner),
    status,
    answer: anonymousValue(withoutOthers(answer, isOurs), owner),
  };
}

function withoutOthers(answer: unknown, isOurs: (id: string) => boolean): unknown {
  if (!isObject(answer)) return answer;
  return Object.fromEntries(
    Object.entries(answer).map(([key, value]) => {
      if (!LISTS.includes(key) || !isObject(value)) return [key, value];
      return [key, Object.fromEntries(Object.entries(value).filter(([id]) => isOurs(id)))];
    }),
  );
}

function anonymousValue(value: unknown, owner: Owner, key = ""): unknown {
  if (typeof value === "string") {
    if (SECRET_KEYS.has(key) && value !== "") return "left out";
    return anonymousText(value, owner);
  }
  if (Array.isArray(value)) return value.map((one) => anonymousValue(one, owner));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      anonymousText(name, owner),
      anonymousValue(part, owner, name),
    ]),
  );
}

/** Signatures, and what a node authenticates itself with. */
const SECRET_KEYS = new Set([
  ...["deploymentSignature", "signature", "publicKey", "token"],
  ...["created_at", "password"],
]);

function anonymousText(text: string, { org, user }: Owner): string {
  if (text.startsWith("-----BEGIN")) return text.split("\n", 1)[0] ?? "";
  if (text === org) return ANONYMOUS.org;
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z(?:\[UTC\])?/g, "TIME")
    .replaceAll(`${org}/${user}`, `${ANONYMOUS.org}/${ANONYMOUS.user}`)
    .replace(new RegExp(`(^|[^\\w-])${escaped(org)}(?=/)`, "g"), `$1${ANONYMOUS.org}`)
    .replaceAll(`org= ${org},`, `org= ${ANONYMOUS.org},`)
    .replaceAll(`"${org}"`, `"${ANONYMOUS.org}"`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
