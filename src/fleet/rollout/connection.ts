/** A connection to one of the hub's services that speaks JSON over HTTP: the Exchange, and the Cloud Sync Service. */

import { readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { parseMetadata } from "../../common/hub/object.js";
import { isObject, type JsonObject } from "../../common/json/document.js";

/** Where the hub's services are and who asks; `hzn` takes the same from its environment. */
export interface HubOptions {
  readonly url: string;
  readonly org: string;
  /** `user:password`, the user with or without its organisation in front. */
  readonly user: string;
  /** File with the certificate that signs the hub's; undefined: the system knows it. */
  readonly certificate?: string | undefined;
}

/** As `hzn` is told it. */
export function hubOptions(env: Readonly<Record<string, string | undefined>>): HubOptions {
  return {
    url: env["HZN_EXCHANGE_URL"] ?? "",
    org: env["HZN_ORG_ID"] ?? "",
    user: env["HZN_EXCHANGE_USER_AUTH"] ?? "",
    certificate: env["HZN_MGMT_HUB_CERT_PATH"] || env["HZN_ICP_CA_CERT_PATH"] || undefined,
  };
}

/** A service of the hub said no, or nothing. Holds no password. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  readonly status: number | undefined;
  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Connections at a time: a fleet is asked about node by node. */
const SOCKETS = 16;
const TIMEOUT_MS = 30_000;
/** Tries of a question; a change is made once. */
const TRIES = 3;

export class Connection {
  readonly #name: string;
  readonly #base: string;
  readonly #host: string;
  readonly #authorization: string;
  readonly #agent: HttpAgent;

  /** @param name of the service, in messages; @param folder below the address, to which paths are relative */
  constructor(name: string, folder: string, { url, org, user, certificate }: HubOptions) {
    this.#name = name;
    this.#base = url.replace(/\/*$/, `/${folder}`);
    this.#host = new URL(this.#base).host;
    const named = user.split(":", 1)[0]?.includes("/") ? user : `${org}/${user}`;
    this.#authorization = `Basic ${Buffer.from(named).toString("base64")}`;
    const options = { keepAlive: true, maxSockets: SOCKETS };
    this.#agent = this.#base.startsWith("https:")
      ? new HttpsAgent({
          ...options,
          ...(certificate === undefined ? {} : { ca: readFileSync(certificate) }),
        })
      : new HttpAgent(options);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Undefined: 404, with which both services answer for an empty list too. */
  async get(path: string): Promise<unknown> {
    for (let left = TRIES - 1; ; left--) {
      try {
        const { status, body } = await this.#request("GET", path);
        if (status === 404) return undefined;
        if (status === 200) return body;
        throw this.refusal("GET", path, { status, body });
      } catch (error) {
        const isPassing =
          error instanceof ExchangeError && (error.status === undefined || error.status >= 500);
        if (!isPassing || left === 0) throw error;
      }
    }
  }

  async change(method: string, path: string, body?: JsonObject): Promise<void> {
    const reply = await this.#request(method, path, body);
    if (reply.status !== 201 && reply.status !== 204) throw this.refusal(method, path, reply);
  }

  refusal(method: string, path: string, { status, body }: Reply): ExchangeError {
    const said = isObject(body) ? body["msg"] : body;
    const detail = typeof said === "string" && said !== "" ? `: ${said}` : "";
    return new ExchangeError(
      `${this.#name} at ${this.#host} answers ${status} to ${method} ${path}${detail}`,
      status,
    );
  }

  #request(method: string, path: string, body?: JsonObject): Promise<Reply> {
    const url = new URL(path, this.#base);
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const headers = {
      accept: "application/json",
      authorization: this.#authorization,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(
          new ExchangeError(`${this.#name} at ${this.#host} does not answer: ${error.message}`),
        );
      const options = { method, headers, agent: this.#agent, timeout: TIMEOUT_MS };
      const request = send(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", fail);
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: response.statusCode ?? 0, body: parsed(text) });
        });
      });
      request.once("timeout", () =>
        request.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)),
      );
      request.once("error", fail);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** Times of publication are larger than a JavaScript number holds: parseMetadata keeps them as text. */
function parsed(text: string): unknown {
  try {
    return parseMetadata(text);
  } catch {
    return text;
  }
}
