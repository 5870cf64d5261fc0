/** Client of the Edge Sync Service on its Unix socket: TLS with the service's own certificate, Basic authentication. */

import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { z } from "zod";
import { parseMetadata } from "../../common/hub/object.js";
import {
  type Acknowledgement,
  asEssError,
  type ByteRange,
  type Ess,
  type EssAddress,
  type EssData,
  EssError,
  type EssErrorCode,
  type EssObject,
  listSchema,
  objectSchema,
  type StatusObject,
} from "./ess.js";

export interface EssClientOptions {
  readonly address: EssAddress;
  /** For a call without data. */
  readonly timeoutMs: number;
  /** Longest time without a byte. */
  readonly stallMs: number;
}

export const ESS_TIMING = { timeoutMs: 10_000, stallMs: 30_000 };

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const STATUS_CODES: Readonly<Record<number, EssErrorCode>> = {
  401: "denied",
  403: "denied",
  404: "absent",
  429: "busy",
  503: "busy",
};
const credentialsSchema = z.object({ id: z.string().min(1), token: z.string().min(1) });

interface Call {
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class EssClient implements Ess {
  readonly #options: EssClientOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

  constructor(options: EssClientOptions) {
    this.#options = options;
  }

  async list(type: string, signal: AbortSignal): Promise<readonly EssObject[]> {
    // Received objects are listed too: the agent has its own ledger, and an update that comes between the list and an
    // acknowledgement cannot be lost.
    const path = `${pathOf(type)}?received=true`;
    // The service answers 404 for an empty list.
    return (await this.#json(path, listSchema, ["absent"], signal)) ?? [];
  }

  object(type: string, id: string, signal: AbortSignal): Promise<EssObject | undefined> {
    return this.#json(pathOf(type, id), objectSchema, ["absent", "denied"], signal);
  }

  async data(
    type: string,
    id: string,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<EssData> {
    const headers = range === undefined ? {} : { range: `bytes=${range.first}-${range.last}` };
    const call = { method: "GET", path: `${pathOf(type, id)}/data`, headers } as const;
    const response = await this.#send(call, signal);
    try {
      assertSuccess(response, call);
      return { offset: offsetOf(response, call), chunks: chunksOf(response, call, signal) };
    } catch (reason) {
      response.destroy();
      throw reason;
    }
  }

  async acknowledge(
    type: string,
    id: string,
    ack: Acknowledgement,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#text({ method: "PUT", path: `${pathOf(type, id)}/${ack}` }, signal);
  }

  async put({ type, id, version, description }: StatusObject, signal: AbortSignal): Promise<void> {
    const meta = { objectID: id, objectType: type, version, description, noData: true };
    const body = JSON.stringify({ meta });
    const headers = { "content-type": "application/json" };
    await this.#text({ method: "PUT", path: pathOf(type, id), headers, body }, signal);
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy();
  }

  /** Undefined: the call failed with one of the codes in `absence`. */
  async #json<T>(
    path: string,
    schema: z.ZodType<T>,
    absence: readonly EssErrorCode[],
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const call = { method: "GET", path } as const;
    let text: string;
    try {
      text = await this.#text(call, signal);
    } catch (reason) {
      if (reason instanceof EssError && absence.includes(reason.code)) return undefined;
      throw reason;
    }
    const result = schema.safeParse(parse(text, call));
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw new EssError("malformed", nameOf(call), `${issue?.path.join(".")}: ${issue?.message}`);
  }

  /** Returns the text of the answer. Throws EssError, or the reason with which the signal was aborted. */
  async #text(call: Call, signal: AbortSignal): Promise<string> {
    const { timeoutMs } = this.#options;
    signal.throwIfAborted();
    const controller = new AbortController();
    const stop = () => controller.abort(signal.reason);
    const timer = setTimeout(() => {
      controller.abort(new EssError("timeout", nameOf(call), `no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const response = await this.#send(call, controller.signal);
      const text = await readText(response, call);
      assertSuccess(response, call, text);
      return text;
    } catch (reason) {
      controller.signal.throwIfAborted();
      throw asEssError(reason, nameOf(call));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Returns the head of the answer. Every call reads both files, because Horizon's agent may rewrite them. */
  async #send(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const { certificate, credentials } = this.#options.address;
    const [ca, login] = await Promise.all([
      readOwnFile(certificate, call, signal),
      readOwnFile(credentials, call, signal),
    ]);
    const authorization = authorizationOf(login, credentials, call);
    const send = () => this.#request(call, ca, authorization, signal);
    // The service may close an idle connection at the moment when it is used again. All calls can be repeated.
    let answer = await send();
    if (answer === "closed") answer = await send();
    if (answer !== "closed") return answer;
    throw new EssError("unreachable", nameOf(call), "the connection broke");
  }

  #request(
    call: Call,
    ca: string,
    authorization: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage | "closed"> {
    const { address, stallMs } = this.#options;
    return new Promise((resolve, reject) => {
      const outgoing = request({
        agent: this.#agent,
        socketPath: address.socketPath,
        host: "localhost",
        servername: "localhost",
        ca,
        method: call.method,
        path: call.path,
        headers: { ...call.headers, authorization },
        signal,
        timeout: stallMs,
      });
      outgoing.on("response", resolve);
      outgoing.on("error", (reason: NodeJS.ErrnoException) => {
        if (signal.aborted) reject(signal.reason);
        else if (outgoing.reusedSocket && reason.code === "ECONNRESET") resolve("closed");
        else reject(asEssError(reason, nameOf(call)));
      });
      outgoing.on("timeout", () => {
        outgoing.destroy(new EssError("timeout", nameOf(call), `no data for ${stallMs} ms`));
      });
      outgoing.end(call.body);
    });
  }
}

function pathOf(type: string, id?: string): string {
  const parts = ["api", "v1", "objects", type, ...(id === undefined ? [] : [id])];
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

function nameOf({ method, path }: Call): string {
  return `${method} ${path}`;
}

async function readOwnFile(path: string, call: Call, signal: AbortSignal): Promise<string> {
  try {
    return await readFile(path, { encoding: "utf8", signal });
  } catch (reason) {
    signal.throwIfAborted();
    const detail = reason instanceof Error ? reason.message : String(reason);
    throw new EssError("unready", nameOf(call), detail);
  }
}

function authorizationOf(login: string, path: string, call: Call): string {
  let value: unknown;
  try {
    value = JSON.parse(login);
  } catch {
    // Falls through to the error below, because this one would quote the file.
  }
  const result = credentialsSchema.safeParse(value);
  if (!result.success) {
    throw new EssError("unready", nameOf(call), `${path} holds no id and token`);
  }
  const { id, token } = result.data;
  return `Basic ${Buffer.from(`${id}:${token}`).toString("base64")}`;
}

async function* chunksOf(
  response: IncomingMessage,
  call: Call,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of response) yield chunk;
  } catch (reason) {
    signal.throwIfAborted();
    throw asEssError(reason, nameOf(call));
  } finally {
    // Leaving the loop early must end the transfer.
    response.destroy();
  }
}

async function readText(response: IncomingMessage, call: Call): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      response.destroy();
      const detail = `the answer has more than ${MAX_ANSWER_BYTES} bytes`;
      throw new EssError("malformed", nameOf(call), detail);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string, call: Call): unknown {
  try {
    return parseMetadata(text);
  } catch (cause) {
    throw new EssError("malformed", nameOf(call), "the answer is not JSON", { cause });
  }
}

function assertSuccess({ statusCode = 0 }: IncomingMessage, call: Call, body = ""): void {
  if (statusCode >= 200 && statusCode < 300) return;
  const message = body.trim().replace(/\s+/g, " ").slice(0, 200);
  const detail = `status ${statusCode}${message === "" ? "" : `, ${message}`}`;
  throw new EssError(STATUS_CODES[statusCode] ?? "failed", nameOf(call), detail);
}

/** Where the data begin. */
function offsetOf(response: IncomingMessage, call: Call): number {
  if (response.statusCode !== 206) return 0;
  const header = response.headers["content-range"] ?? "";
  const first = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(header)?.[1];
  if (first !== undefined) return Number(first);
  throw new EssError("malformed", nameOf(call), `status 206 with Content-Range "${header}"`);
}
