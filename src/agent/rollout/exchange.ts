/** The Exchange's REST interface, as far as a rollout needs it. */

import { readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isObject, type JsonObject } from "../policy/document.js";

/** Where the Exchange is and who asks; `hzn` takes the same from its environment. */
export interface ExchangeOptions {
  readonly url: string;
  readonly org: string;
  /** `user:password`, the user with or without its organisation in front. */
  readonly user: string;
  /** File with the certificate that signs the Exchange's; undefined: the system knows it. */
  readonly certificate?: string | undefined;
}

/** The Exchange said no, or nothing. Holds no password. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  readonly status: number | undefined;
  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Connections at a time: a fleet is asked about node by node. */
const SOCKETS = 16;
const TIMEOUT_MS = 30_000;
/** Tries of a question; a change is made once. */
const TRIES = 3;

export class Exchange {
  readonly #base: string;
  readonly #host: string;
  readonly #authorization: string;
  readonly #agent: HttpAgent;
  readonly org: string;

  constructor({ url, org, user, certificate }: ExchangeOptions) {
    this.org = org;
    this.#base = url.replace(/\/*$/, "/");
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

  /** By name, below this organisation; undefined: it is not there. */
  async policy(name: string): Promise<JsonObject | undefined> {
    const { businessPolicy } = await this.#get(`business/policies/${encodeURIComponent(name)}`);
    return only(businessPolicy);
  }

  async createPolicy(name: string, body: JsonObject): Promise<void> {
    await this.#change("POST", `business/policies/${encodeURIComponent(name)}`, body);
  }

  async replacePolicy(name: string, body: JsonObject): Promise<void> {
    await this.#change("PUT", `business/policies/${encodeURIComponent(name)}`, body);
  }

  async deletePolicy(name: string): Promise<void> {
    await this.#change("DELETE", `business/policies/${encodeURIComponent(name)}`);
  }

  /** Every version of a service, by its id without the organisation. */
  async services(name: string): Promise<ReadonlyMap<string, JsonObject>> {
    const { services } = await this.#get(`services?url=${encodeURIComponent(name)}`);
    return byId(services);
  }

  servicePolicy(id: string): Promise<JsonObject> {
    return this.#get(`services/${encodeURIComponent(id)}/policy`);
  }

  /** By id without the organisation. */
  async nodes(): Promise<ReadonlyMap<string, JsonObject>> {
    const { nodes } = await this.#get("nodes");
    return byId(nodes);
  }

  nodePolicy(id: string): Promise<JsonObject> {
    return this.#get(`nodes/${encodeURIComponent(id)}/policy`);
  }

  nodeStatus(id: string): Promise<JsonObject> {
    return this.#get(`nodes/${encodeURIComponent(id)}/status`);
  }

  /** What is not there is an empty object, or a wrapper around nothing: the Exchange answers 404 to both. */
  async #get(path: string): Promise<JsonObject> {
    for (let left = TRIES - 1; ; left--) {
      try {
        const { status, body } = await this.#request("GET", path);
        if (status === 404) return {};
        if (status === 200 && isObject(body)) return body;
        throw this.#refusal("GET", path, { status, body });
      } catch (error) {
        const isPassing =
          error instanceof ExchangeError && (error.status === undefined || error.status >= 500);
        if (!isPassing || left === 0) throw error;
      }
    }
  }

  async #change(method: string, path: string, body?: JsonObject): Promise<void> {
    const reply = await this.#request(method, path, body);
    if (reply.status !== 201 && reply.status !== 204) throw this.#refusal(method, path, reply);
  }

  #refusal(method: string, path: string, { status, body }: Reply): ExchangeError {
    const said = isObject(body) ? body["msg"] : body;
    const detail = typeof said === "string" && said !== "" ? `: ${said}` : "";
    return new ExchangeError(
      `the Exchange at ${this.#host} answers ${status} to ${method} ${path}${detail}`,
      status,
    );
  }

  #request(method: string, path: string, body?: JsonObject): Promise<Reply> {
    const url = new URL(`orgs/${encodeURIComponent(this.org)}/${path}`, this.#base);
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const headers = {
      accept: "application/json",
      authorization: this.#authorization,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(
          new ExchangeError(`the Exchange at ${this.#host} does not answer: ${error.message}`),
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

function only(list: unknown): JsonObject | undefined {
  return Object.values(isObject(list) ? list : {}).find(isObject);
}

/** The Exchange names its resources `org/id`. */
function byId(list: unknown): ReadonlyMap<string, JsonObject> {
  const entries = Object.entries(isObject(list) ? list : {});
  return new Map(
    entries.flatMap(([name, value]) =>
      isObject(value) ? [[name.slice(name.indexOf("/") + 1), value]] : [],
    ),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
