/** Client of the Edge Sync Service on its Unix socket: TLS with the service's own certificate, Basic authentication. */

import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { z } from "zod";
import { parseMetadata } from "../../common/hub/instance.js";
import {
  type Answer,
  type Ess,
  type EssData,
  type EssObject,
  listSchema,
  objectSchema,
  type Range,
  type UpObject,
} from "./ess.js";
import type { EssAddress } from "./ess-address.js";
import { asEssError, EssError } from "./ess-error.js";

export interface EssClientOptions {
  readonly address: EssAddress;
  /** Of a call that carries no data, and of an answer's beginning. */
  readonly timeoutMs: number;
  /** Without a byte of the data. */
  readonly stallMs: number;
}

export const ESS_TIMING = { timeoutMs: 10_000, stallMs: 30_000 };

const LARGEST_ANSWER_BYTES = 4 * 1024 * 1024;
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
    // Objects that were answered with `received` are listed too: what is known of them is the agent's own matter, and
    // an update that comes between the list and an answer cannot be lost.
    const call = { method: "GET", path: `${pathOf(type)}?received=true` } as const;
    const answer = await this.#json(call, listSchema, signal);
    // An empty list is 404.
    return answer ?? [];
  }

  async object(type: string, id: string, signal: AbortSignal): Promise<EssObject | undefined> {
    try {
      return await this.#json({ method: "GET", path: pathOf(type, id) }, objectSchema, signal);
    } catch (reason) {
      if (reason instanceof EssError && reason.code === "denied") return undefined;
      throw reason;
    }
  }

  async data(
    type: string,
    id: string,
    range: Range | undefined,
    signal: AbortSignal,
  ): Promise<EssData> {
    const headers = range === undefined ? {} : { range: `bytes=${range.first}-${range.last}` };
    const call = { method: "GET", path: `${pathOf(type, id)}/data`, headers } as const;
    const response = await this.#send(call, signal);
    try {
      refuseFailure(response, call);
      return { offset: offsetOf(response, call), chunks: this.#chunks(response, call, signal) };
    } catch (reason) {
      response.destroy();
      throw reason;
    }
  }

  answer(type: string, id: string, answer: Answer, signal: AbortSignal): Promise<void> {
    return this.#put({ method: "PUT", path: `${pathOf(type, id)}/${answer}` }, signal);
  }

  put({ type, id, version, description }: UpObject, signal: AbortSignal): Promise<void> {
    const meta = { objectID: id, objectType: type, version, description, noData: true };
    const body = JSON.stringify({ meta });
    const headers = { "content-type": "application/json" };
    return this.#put({ method: "PUT", path: pathOf(type, id), headers, body }, signal);
  }

  async #put(call: Call, signal: AbortSignal): Promise<void> {
    await this.#deadline(call, signal, async (inTime) => {
      const response = await this.#send(call, inTime);
      const text = await readText(response, call);
      refuseFailure(response, call, text);
    });
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy();
  }

  /** Undefined for 404. */
  #json<T>(call: Call, schema: z.ZodType<T>, signal: AbortSignal): Promise<T | undefined> {
    return this.#deadline(call, signal, async (inTime) => {
      const response = await this.#send(call, inTime);
      const text = await readText(response, call);
      if (response.statusCode === 404) return undefined;
      refuseFailure(response, call, text);
      const result = schema.safeParse(parse(text, call));
      if (result.success) return result.data;
      const [issue] = result.error.issues;
      const detail = `${issue?.path.join(".")}: ${issue?.message}`;
      throw new EssError("malformed", nameOf(call), detail);
    });
  }

  /** Runs a call that must be over in time. Throws EssError, and what the signal was aborted with. */
  async #deadline<T>(
    call: Call,
    signal: AbortSignal,
    run: (inTime: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { timeoutMs } = this.#options;
    signal.throwIfAborted();
    const controller = new AbortController();
    const stop = () => controller.abort(signal.reason);
    const timer = setTimeout(() => {
      controller.abort(new EssError("timeout", nameOf(call), `no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await run(controller.signal);
    } catch (reason) {
      controller.signal.throwIfAborted();
      throw asEssError(reason, nameOf(call));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Resolves with the head of the answer. Every call reads both files: Horizon's agent writes them anew. */
  async #send(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const [ca, authorization] = await Promise.all([
      readFile(this.#options.address.certificate, { signal }).catch((reason) =>
        unready(reason, call, signal),
      ),
      this.#authorization(call, signal),
    ]);
    const first = await this.#request(call, ca, authorization, signal);
    // The service may close a connection at the moment when it is used again: that says nothing. Every call may be
    // repeated.
    const answer =
      first === "closed" ? await this.#request(call, ca, authorization, signal) : first;
    if (answer !== "closed") return answer;
    throw new EssError("unreachable", nameOf(call), "the connection broke");
  }

  #request(
    call: Call,
    ca: Buffer,
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
        else reject(toEssError(reason, call));
      });
      outgoing.on("timeout", () => {
        outgoing.destroy(new EssError("timeout", nameOf(call), `nothing came for ${stallMs} ms`));
      });
      outgoing.end(call.body);
    });
  }

  async #authorization(call: Call, signal: AbortSignal): Promise<string> {
    const { credentials } = this.#options.address;
    const text = await readFile(credentials, { encoding: "utf8", signal }).catch((reason) =>
      unready(reason, call, signal),
    );
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // The cause would quote the file.
    }
    const result = credentialsSchema.safeParse(value);
    if (!result.success) {
      throw new EssError("unready", nameOf(call), `${credentials} holds no id and token`);
    }
    const { id, token } = result.data;
    return `Basic ${Buffer.from(`${id}:${token}`).toString("base64")}`;
  }

  async *#chunks(
    response: IncomingMessage,
    call: Call,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of response) yield chunk;
    } catch (reason) {
      signal.throwIfAborted();
      throw toEssError(reason, call);
    } finally {
      // Leaving early must end the transfer.
      response.destroy();
    }
  }
}

function pathOf(type: string, id?: string): string {
  const parts = ["api", "v1", "objects", type, ...(id === undefined ? [] : [id])];
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

function nameOf({ method, path }: Call): string {
  return `${method} ${path}`;
}

async function readText(response: IncomingMessage, call: Call): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > LARGEST_ANSWER_BYTES) {
      response.destroy();
      throw new EssError(
        "malformed",
        nameOf(call),
        `the answer is over ${LARGEST_ANSWER_BYTES} bytes`,
      );
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

function refuseFailure({ statusCode = 0 }: IncomingMessage, call: Call, text = ""): void {
  if (statusCode >= 200 && statusCode < 300) return;
  const said = text.trim().replace(/\s+/g, " ").slice(0, 200);
  const detail = `status ${statusCode}${said === "" ? "" : `, ${said}`}`;
  const code = {
    401: "denied",
    403: "denied",
    404: "absent",
    429: "busy",
    503: "busy",
  } as const satisfies Readonly<Record<number, string>>;
  const known: Readonly<Record<number, (typeof code)[keyof typeof code]>> = code;
  throw new EssError(known[statusCode] ?? "failed", nameOf(call), detail);
}

/** Where the data begin. */
function offsetOf(response: IncomingMessage, call: Call): number {
  if (response.statusCode !== 206) return 0;
  const said = response.headers["content-range"] ?? "";
  const first = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(said)?.[1];
  if (first !== undefined) return Number(first);
  throw new EssError("malformed", nameOf(call), `status 206 with Content-Range "${said}"`);
}

function toEssError(reason: unknown, call: Call): unknown {
  try {
    return asEssError(reason, nameOf(call));
  } catch (other) {
    return other;
  }
}

function unready(reason: unknown, call: Call, signal: AbortSignal): never {
  signal.throwIfAborted();
  const detail = reason instanceof Error ? reason.message : String(reason);
  throw new EssError("unready", nameOf(call), detail);
}
