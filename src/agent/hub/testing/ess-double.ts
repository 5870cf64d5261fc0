/**
 * An Edge Sync Service for tests: a real HTTPS server on a Unix socket, with the paths, states and quirks of the real
 * one: 404 for an empty list, 400 for an acknowledgement that does not fit an object's state, ranges that need both ends.
 */

import { createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { EssAddress, StatusObject } from "../ess.js";
import { type SelfSigned, selfSigned } from "./certificate.js";

/** Named as in the real service. */
type Status = "partiallyreceived" | "completelyReceived" | "objreceived" | "objdeleted";

/** What the service accepts as a name, and what it refuses as HTML. */
const IS_NAME = /^[a-zA-Z0-9|!@#$^*\-_.~\p{L}\p{N}]+$/u;
const IS_TAG = /<[/]?[a-zA-Z0-9]+>/;

export interface Publication {
  readonly type: string;
  readonly id: string;
  readonly version?: string;
  readonly description?: string;
  /** A string is the path of a file. */
  readonly data?: Buffer | string;
  /** Overrides metadata that follow from the data. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

interface Stored {
  readonly publication: Publication;
  readonly instanceID: bigint;
  readonly dataID: bigint;
  status: Status;
}

interface Reply {
  readonly status: number;
  readonly body?: string;
}

export class EssDouble {
  readonly directory: string;
  readonly address: EssAddress;
  /** Every call with its status, without the prefix of the path: `GET slipstream-model 404`. */
  readonly calls: string[] = [];
  /** Breaks the connection of the next download after so many bytes. */
  cutAfter: number | undefined;
  /** Called before data are sent. */
  beforeData: ((id: string) => void | Promise<void>) | undefined;
  /** Called before an acknowledgement is carried out. */
  beforeAck: ((id: string, ack: string) => void) | undefined;
  /** As an older service does, or one behind a proxy. */
  ignoresRanges = false;
  /** Statuses with which the next calls fail. */
  readonly failures: number[] = [];
  /** Objects that were sent up, by type and id. */
  readonly sentUp = new Map<string, StatusObject>();
  /** Bytes of object data sent. */
  sent = 0;
  readonly #objects = new Map<string, Stored>();
  #identity: SelfSigned = selfSigned();
  #login = { id: "myorg/service", token: 't0ken: "§"' };
  #server: Server | undefined;
  /** The hub's time of publication, in nanoseconds. As a number, neighbouring values would be equal. */
  #now = 1_795_522_812_812_412_256n;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), "ess-"));
    this.address = {
      socketPath: join(this.directory, "essapi.sock"),
      certificate: join(this.directory, "cert.pem"),
      credentials: join(this.directory, "auth.json"),
    };
    this.#writeFiles();
  }

  static async start(): Promise<EssDouble> {
    const double = new EssDouble();
    await double.listen();
    return double;
  }

  /** The variables that Horizon's agent sets in a container. */
  get environment(): Readonly<Record<string, string>> {
    const { socketPath, certificate, credentials } = this.address;
    return {
      HZN_ESS_API_PROTOCOL: "secure-unix",
      HZN_ESS_API_ADDRESS: socketPath,
      HZN_ESS_API_PORT: "0",
      HZN_ESS_CERT: certificate,
      HZN_ESS_AUTH: credentials,
    };
  }

  get token(): string {
    return this.#login.token;
  }

  async listen(): Promise<void> {
    const { key, certificate: cert } = this.#identity;
    const server = createServer({ key, cert }, (request, response) => {
      this.#serve(request, response).catch((reason: Error) => response.destroy(reason));
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.address.socketPath, resolve);
    });
  }

  /** Horizon's agent stops: connections break, the socket is gone. */
  async shutDown(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async stop(): Promise<void> {
    await this.shutDown();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Restarts with another certificate and token, and delivers all objects again. */
  async restart(): Promise<void> {
    await this.shutDown();
    this.#identity = selfSigned();
    this.#login = { ...this.#login, token: `${this.#login.token}+` };
    this.#writeFiles();
    for (const stored of this.#objects.values()) {
      if (stored.status === "objreceived") stored.status = "completelyReceived";
    }
    await this.listen();
  }

  /** A new object, or a new version of one. Returns its instance. */
  publish(publication: Publication, status: Status = "completelyReceived"): string {
    this.#now++;
    const [instanceID, dataID] = [this.#now, this.#now];
    this.#objects.set(keyOf(publication), { publication, instanceID, dataID, status });
    return String(instanceID);
  }

  /** Changes only the metadata. */
  republish(type: string, id: string, meta: Publication["meta"] = {}): string {
    const stored = this.#get(type, id);
    this.#now++;
    const publication = { ...stored.publication, meta };
    const fresh = { ...stored, publication, instanceID: this.#now, status: "completelyReceived" };
    this.#objects.set(keyOf(publication), fresh as Stored);
    return String(this.#now);
  }

  /** The hub deletes the object, which stays until the deletion is acknowledged. */
  remove(type: string, id: string): void {
    this.#get(type, id).status = "objdeleted";
  }

  /** Undefined: consumed, or its deletion was acknowledged. */
  statusOf(type: string, id: string): Status | undefined {
    return this.#objects.get(keyOf({ type, id }))?.status;
  }

  #get(type: string, id: string): Stored {
    const stored = this.#objects.get(keyOf({ type, id }));
    if (stored === undefined) throw new Error(`there is no ${type} ${id}`);
    return stored;
  }

  #writeFiles(): void {
    writeFileSync(this.address.certificate, this.#identity.certificate);
    writeFileSync(this.address.credentials, JSON.stringify({ ...this.#login, version: "1" }));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "https://localhost");
    const path = url.pathname.replace("/api/v1/objects/", "");
    response.on("close", () => {
      this.calls.push(`${request.method} ${path} ${response.statusCode}`);
    });
    const [type = "", id, verb] = path.split("/").map(decodeURIComponent);
    const refusal = this.#refusal(request);
    const stored = id === undefined ? undefined : this.#objects.get(keyOf({ type, id }));
    if (refusal === undefined && stored !== undefined && verb === "data") {
      await this.#data(stored, request, response);
      return;
    }
    const received = url.searchParams.get("received") === "true";
    const reply =
      refusal ??
      (id === undefined
        ? this.#list(type, received)
        : request.method === "PUT"
          ? verb === undefined
            ? this.#store(type, id, await bodyOf(request))
            : this.#mark(stored, verb)
          : stored === undefined
            ? { status: 404 }
            : { status: 200, body: jsonOf(metaOf(stored)) });
    response.statusCode = reply.status;
    response.end(reply.body);
  }

  #refusal({ headers }: IncomingMessage): Reply | undefined {
    const { id, token } = this.#login;
    const expected = `Basic ${Buffer.from(`${id}:${token}`).toString("base64")}`;
    if (headers.authorization !== expected) return { status: 403, body: "Unauthorized" };
    const status = this.failures.shift();
    return status === undefined ? undefined : { status, body: "as configured" };
  }

  #list(type: string, received: boolean): Reply {
    const shown = [...this.#objects.values()].filter(({ publication, status }) => {
      if (publication.type !== type || status === "partiallyreceived") return false;
      return received || status !== "objreceived";
    });
    if (shown.length === 0) return { status: 404 };
    return { status: 200, body: jsonOf(shown.map(metaOf)) };
  }

  /** As UpdateObject of edge-sync-service 1.12.8 does on an ESS. */
  #store(type: string, id: string, body: string): Reply {
    const { meta } = JSON.parse(body);
    const { objectType, objectID, version, description, noData } = meta;
    const problem =
      objectID !== id || objectType !== type
        ? "Object ID in the URL doesn't match the object-id in the payload"
        : !IS_NAME.test(id) || (version !== "" && !IS_NAME.test(version))
          ? "contains invalid characters"
          : IS_TAG.test(description)
            ? "Description contains one/some invalid characters"
            : this.#objects.has(keyOf({ type, id }))
              ? "Can't update object of the receiving side"
              : undefined;
    if (problem !== undefined) return { status: 400, body: problem };
    if (noData !== true) throw new Error("this double supports only objects without data");
    this.sentUp.set(keyOf({ type, id }), { type, id, version, description });
    return { status: 204 };
  }

  #mark(stored: Stored | undefined, verb: string | undefined): Reply {
    if (stored !== undefined) this.beforeAck?.(stored.publication.id, verb ?? "");
    if (stored === undefined) {
      return { status: 400, body: `Failed to find object to mark as ${verb}` };
    }
    const isDeleted = stored.status === "objdeleted";
    if ((verb === "deleted") !== isDeleted || stored.status === "partiallyreceived") {
      return { status: 400, body: `Invalid attempt to mark object in status ${stored.status}` };
    }
    if (verb === "received") stored.status = "objreceived";
    else this.#objects.delete(keyOf(stored.publication));
    return { status: 204 };
  }

  async #data(asked: Stored, request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.beforeData?.(asked.publication.id);
    // The service sends what is there when it begins.
    const stored = this.#objects.get(keyOf(asked.publication)) ?? asked;
    const { data = Buffer.alloc(0) } = stored.publication;
    const size = typeof data === "string" ? statSync(data).size : data.length;
    const part = this.#part(request.headers.range, size);
    response.statusCode = stored.status === "partiallyreceived" ? 404 : part.status;
    if (response.statusCode >= 400) {
      response.end();
      return;
    }
    const { first, last } = part;
    if (part.status === 206) {
      response.setHeader("content-range", `bytes ${first}-${last}/${size}`);
    }
    response.setHeader("content-type", "application/octet-stream");
    const source =
      typeof data === "string"
        ? createReadStream(data, { start: first, end: Math.max(first, last) })
        : Readable.from([data.subarray(first, last + 1)], { objectMode: false });
    let left = this.cutAfter ?? Number.POSITIVE_INFINITY;
    this.cutAfter = undefined;
    for await (const chunk of source) {
      const piece: Buffer = chunk.subarray(0, left);
      left -= piece.length;
      this.sent += piece.length;
      const isDrained = response.write(piece);
      if (left === 0) {
        // Everything written must arrive before the connection ends.
        await new Promise((resolve) => response.write("", resolve));
        response.socket?.end();
        response.destroy();
      } else if (!isDrained && !response.destroyed) {
        await drained(response);
      }
      if (response.destroyed) return;
    }
    response.end(Buffer.alloc(part.padding));
  }

  /**
   * The real service accepts only ranges with both ends, pads with zeros beyond the end of the object, and answers 200 to a
   * range that is as long as the object, wherever it begins.
   */
  #part(range: string | undefined, size: number) {
    const whole = { status: 200, first: 0, last: size - 1, padding: 0 };
    if (range === undefined || this.ignoresRanges) return whole;
    const match = /^bytes=(\d+)-(\d+)$/.exec(range);
    const [first, last] = [Number(match?.[1]), Number(match?.[2])];
    if (match === null || first > last) return { ...whole, status: 400 };
    const status = last - first + 1 >= size ? 200 : 206;
    const end = Math.min(last, size - 1);
    return { status, first, last: end, padding: last - Math.max(end, first - 1) };
  }
}

function metaOf({ publication, instanceID, dataID, status }: Stored): object {
  const { type, id, version = "", description = "", data, meta } = publication;
  const bytes = typeof data === "string" ? statSync(data).size : (data?.length ?? 0);
  return {
    objectID: id,
    objectType: type,
    destinationOrgID: "myorg",
    destinationID: "",
    destinationType: "",
    destinationsList: null,
    destinationPolicy: { properties: null, constraints: null, services: [], timestamp: 1 },
    version,
    description,
    noData: data === undefined,
    deleted: status === "objdeleted",
    instanceID,
    dataID,
    objectSize: bytes,
    chunkSize: 122_880,
    hashAlgorithm: "",
    publicKey: "",
    signature: "",
    ...meta,
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** JSON with bigints as numbers. */
function jsonOf(value: unknown): string {
  const mark = (_: string, item: unknown) => (typeof item === "bigint" ? `#${item}#` : item);
  return JSON.stringify(value, mark, 2).replace(/"#(\d+)#"/g, "$1");
}

function keyOf({ type, id }: { readonly type: string; readonly id: string }): string {
  return `${type}/${id}`;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.on("drain", go).on("close", go);
  });
}
