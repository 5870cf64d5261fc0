/** Posts batches of CloudEvents to an HTTP server. */

import { createHmac } from "node:crypto";
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import type { EventForm, WebhookOptions } from "../../../common/settings/events.js";
import { type Connection, type Delivery, type Outgoing, type Sink, SinkError } from "../sink.js";

export interface WebhookDependencies {
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly form: EventForm;
  readonly timeoutMs: number;
}

export const WEBHOOK_TIMEOUT_MS = 30_000;

const CONTENT_TYPES: Readonly<Record<EventForm, string>> = {
  cloudevents: "application/cloudevents-batch+json",
  "nvmsgconv-minimal": "application/json",
};

/** Answers to a batch that will never be taken, whatever is tried. */
const REFUSALS: ReadonlySet<number> = new Set([400, 406, 413, 415, 422]);
const REMEDIES: Readonly<Record<number, string>> = {
  401: "check token and signWith",
  403: "check token and signWith",
  404: "check the path of url",
  405: "check the path of url",
};

export function webhookSink(options: WebhookOptions, dependencies: WebhookDependencies): Sink {
  return {
    batch: options.batch,
    connect: () => Promise.resolve(new Webhook(options, dependencies)),
  };
}

class Webhook implements Connection {
  readonly #options: WebhookOptions;
  readonly #dependencies: WebhookDependencies;
  readonly #url: URL;
  readonly #agent: PlainAgent;

  constructor(options: WebhookOptions, dependencies: WebhookDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#url = new URL(options.url);
    const { ca, certificate: cert, key } = options.tls;
    const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    const connections = { keepAlive: true, maxSockets: 1 };
    this.#agent =
      this.#url.protocol === "https:"
        ? new TlsAgent({ ...connections, ...tls })
        : new PlainAgent(connections);
  }

  /** A batch that is refused is halved, until it is known which events the server refuses. */
  async deliver(events: readonly Outgoing[], signal: AbortSignal): Promise<Delivery> {
    const status = await this.#post(`[${events.map(({ text }) => text).join(",")}]`, signal);
    if (!REFUSALS.has(status)) return { refused: 0 };
    const why = `the server answers ${status}`;
    if (events.length < 2) return { refused: 1, why };
    const middle = Math.ceil(events.length / 2);
    const first = await this.deliver(events.slice(0, middle), signal);
    const second = await this.deliver(events.slice(middle), signal);
    return { refused: first.refused + second.refused, why };
  }

  close(): Promise<void> {
    this.#agent.destroy();
    return Promise.resolve();
  }

  /** Returns a status that says that the server has the batch, or never takes it. */
  async #post(body: string, signal: AbortSignal): Promise<number> {
    const { timeoutMs } = this.#dependencies;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await this.#send(body, AbortSignal.any([signal, timeout]));
      const status = response.statusCode ?? 0;
      if ((status >= 200 && status < 300) || REFUSALS.has(status)) return status;
      const remedy = REMEDIES[status] ?? (status < 400 ? "set url to where it leads" : undefined);
      const message = `the server answers ${status}${remedy === undefined ? "" : `; ${remedy}`}`;
      const retryAfterMs = this.#retryAfter(response.headers["retry-after"]);
      throw new SinkError(message, retryAfterMs === undefined ? {} : { retryAfterMs });
    } catch (reason) {
      signal.throwIfAborted();
      if (timeout.aborted) throw new SinkError(`no answer within ${timeoutMs} ms`);
      throw SinkError.from(reason, `cannot reach ${this.#url.host}`);
    }
  }

  #send(body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const request = this.#url.protocol === "https:" ? tlsRequest : plainRequest;
    const headers = { ...this.#headers(body), "content-length": Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const call = request(this.#url, { method: "POST", agent: this.#agent, headers, signal });
      call.on("error", reject);
      call.on("response", (response) => {
        response.on("error", reject);
        // What it says is not used. A server that never ends runs into the timeout.
        response.on("end", () => resolve(response));
        response.resume();
      });
      call.end(body);
    });
  }

  #headers(body: string): Record<string, string> {
    const { signWith, token } = this.#options;
    const headers: Record<string, string> = {
      "content-type": `${CONTENT_TYPES[this.#dependencies.form]}; charset=utf-8`,
    };
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    if (signWith !== undefined) {
      const time = String(Math.floor(this.#dependencies.wallClock() / 1000));
      const signature = createHmac("sha256", signWith).update(`${time}.${body}`).digest("hex");
      headers["x-slipstream-time"] = time;
      headers["x-slipstream-signature"] = `sha256=${signature}`;
    }
    return headers;
  }

  /** Seconds, or a date. */
  #retryAfter(value: string | undefined): number | undefined {
    if (value === undefined) return undefined;
    if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
    const ms = Date.parse(value) - this.#dependencies.wallClock();
    return Number.isNaN(ms) ? undefined : Math.max(0, ms);
  }
}
