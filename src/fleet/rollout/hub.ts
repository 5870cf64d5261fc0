/** The hub over HTTP: the Exchange's REST interface and the Cloud Sync Service, as far as a rollout uses them. */

import { readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { type NodeReport, readReport, STATUS_TYPE } from "../../common/hub/node-report.js";
import { parseMetadata } from "../../common/hub/object.js";
import { isObject, type JsonObject } from "../../common/json/document.js";
import { asList, asObject } from "../json.js";
import { parseRings, type Rings } from "./rollout-state.js";

/** Where the hub's services are and who asks, as `hzn` reads it from its environment. */
export interface HubOptions {
  readonly url: string;
  readonly org: string;
  /** `user:password`, the user with or without its organisation in front. */
  readonly user: string;
  /** File with the certificate that signs the hub's; undefined: the system trusts it already. */
  readonly certificate?: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Hub {
  readonly exchange: Exchange;
  /** Undefined: HZN_FSS_CSSURL is not set, and what nodes report is not known. */
  readonly sync: SyncService | undefined;
}

/** Runs `use` with connections to the hub that the environment names. */
export async function withHub<T>(env: Environment, use: (hub: Hub) => Promise<T>): Promise<T> {
  const options = {
    url: env["HZN_EXCHANGE_URL"] ?? "",
    org: env["HZN_ORG_ID"] ?? "",
    user: env["HZN_EXCHANGE_USER_AUTH"] ?? "",
    certificate: env["HZN_MGMT_HUB_CERT_PATH"] || env["HZN_ICP_CA_CERT_PATH"] || undefined,
  };
  const exchange = new Exchange(options);
  const url = env["HZN_FSS_CSSURL"];
  const sync = url ? new SyncService({ ...options, url }) : undefined;
  try {
    return await use({ exchange, sync });
  } finally {
    exchange.close();
    sync?.close();
  }
}

/** A service of the hub refused a request or did not answer. Holds no password. */
export class HubError extends Error {
  override readonly name = "HubError";
  /** Undefined: there was no answer. */
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
/** For reading; a change is sent once. */
const TRIES = 3;

class Connection {
  readonly #name: string;
  readonly #base: string;
  readonly #host: string;
  readonly #authorization: string;
  readonly #agent: HttpAgent;

  /** @param name of the service, for messages; @param folder below the address, to which paths are relative */
  constructor(name: string, folder: string, { url, org, user, certificate }: HubOptions) {
    this.#name = name;
    this.#base = url.replace(/\/*$/, `/${folder}`);
    this.#host = new URL(this.#base).host;
    const named = user.split(":", 1)[0]?.includes("/") ? user : `${org}/${user}`;
    this.#authorization = `Basic ${Buffer.from(named).toString("base64")}`;
    const options = { keepAlive: true, maxSockets: SOCKETS };
    const ca = certificate === undefined ? {} : { ca: readFileSync(certificate) };
    this.#agent = this.#base.startsWith("https:")
      ? new HttpsAgent({ ...options, ...ca })
      : new HttpAgent(options);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Undefined: 404, which both services return for an empty list too. */
  async get(path: string): Promise<unknown> {
    for (let left = TRIES - 1; ; left--) {
      try {
        const reply = await this.#request("GET", path);
        if (reply.status === 404) return undefined;
        if (reply.status === 200) return reply.body;
        throw this.#errorOf("GET", path, reply);
      } catch (error) {
        const isTransient =
          error instanceof HubError && (error.status === undefined || error.status >= 500);
        if (!isTransient || left === 0) throw error;
      }
    }
  }

  async change(method: string, path: string, body?: JsonObject): Promise<void> {
    const reply = await this.#request(method, path, body);
    if (reply.status !== 201 && reply.status !== 204) throw this.#errorOf(method, path, reply);
  }

  #errorOf(method: string, path: string, { status, body }: Reply): HubError {
    const text = isObject(body) ? body["msg"] : body;
    const detail = typeof text === "string" && text !== "" ? `: ${text}` : "";
    const message = `${this.#name} at ${this.#host} returned ${status} for ${method} ${path}${detail}`;
    return new HubError(message, status);
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
      const fail = ({ message }: Error) =>
        reject(new HubError(`${this.#name} at ${this.#host} does not answer: ${message}`));
      const options = { method, headers, agent: this.#agent, timeout: TIMEOUT_MS };
      const request = send(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", fail);
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: response.statusCode ?? 0, body: parseBody(text) });
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

/** Times of publication are larger than a JavaScript number holds: parseMetadata keeps them as strings. */
function parseBody(text: string): unknown {
  try {
    return parseMetadata(text);
  } catch {
    return text; // An error page, for example.
  }
}

export class Exchange {
  readonly #connection: Connection;
  readonly org: string;

  constructor(options: HubOptions) {
    this.org = options.org;
    const folder = `orgs/${encodeURIComponent(options.org)}/`;
    this.#connection = new Connection("the Exchange", folder, options);
  }

  close(): void {
    this.#connection.close();
  }

  /** A deployment policy of the organisation; undefined: there is none of that name. */
  async policy(name: string): Promise<JsonObject | undefined> {
    const { businessPolicy } = await this.#get(policyPath(name));
    return Object.values(asObject(businessPolicy)).find(isObject);
  }

  createPolicy(name: string, body: JsonObject): Promise<void> {
    return this.#connection.change("POST", policyPath(name), body);
  }

  replacePolicy(name: string, body: JsonObject): Promise<void> {
    return this.#connection.change("PUT", policyPath(name), body);
  }

  deletePolicy(name: string): Promise<void> {
    return this.#connection.change("DELETE", policyPath(name));
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

  /** Empty if there is nothing: the Exchange returns 404 for that, with or without a wrapper around nothing. */
  async #get(path: string): Promise<JsonObject> {
    const body = withoutNull((await this.#connection.get(path)) ?? {});
    if (isObject(body)) return body;
    throw new HubError(`the Exchange returned no object for GET ${path}`, 200);
  }
}

function policyPath(name: string): string {
  return `business/policies/${encodeURIComponent(name)}`;
}

/** The Exchange returns null for what nobody has set. */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (!isObject(value)) return value;
  const set = Object.entries(value).filter(([, one]) => one !== null);
  return Object.fromEntries(set.map(([key, one]) => [key, withoutNull(one)]));
}

/** The Exchange names its resources `org/id`. */
function byId(resources: unknown): ReadonlyMap<string, JsonObject> {
  return new Map(
    Object.entries(asObject(resources)).flatMap(([name, value]) =>
      isObject(value) ? [[name.slice(name.indexOf("/") + 1), value]] : [],
    ),
  );
}

/** A model or a settings document that is published. */
export interface PublishedObject {
  readonly type: string;
  readonly id: string;
  /** The hub's time of publication. */
  readonly instance: string;
  /** Hash of its data, in hexadecimal; undefined if the publisher gave none. */
  readonly sha256: string | undefined;
  /** Undefined: it was not published by rings. */
  readonly rings: Rings | undefined;
}

export class SyncService {
  readonly #connection: Connection;
  readonly #org: string;

  constructor(options: HubOptions) {
    this.#org = options.org;
    this.#connection = new Connection("the Cloud Sync Service", "api/v1/", options);
  }

  close(): void {
    this.#connection.close();
  }

  /** What the nodes report, by the name of the node. */
  async reports(): Promise<ReadonlyMap<string, NodeReport>> {
    const found = await this.#list(`/${STATUS_TYPE}?received=true`);
    return new Map(
      found.flatMap(({ originID, description, deleted }) => {
        const report = readReport(String(description));
        return report === undefined || deleted === true ? [] : [[String(originID), report]];
      }),
    );
  }

  async objects(type: string): Promise<PublishedObject[]> {
    const found = await this.#list(`?filters=true&objectType=${encodeURIComponent(type)}`);
    return found
      .filter(({ deleted }) => deleted !== true)
      .map(({ objectID, instanceID, description, destinationPolicy }) => ({
        ...{ type, id: String(objectID), instance: String(instanceID) },
        sha256: /sha256:([0-9a-f]{64})/.exec(String(description))?.[1],
        rings: parseRings(asList(asObject(destinationPolicy)["constraints"]).map(String)),
      }));
  }

  async #list(path: string): Promise<JsonObject[]> {
    const body = await this.#connection.get(`objects/${encodeURIComponent(this.#org)}${path}`);
    if (body === undefined || body === null) return [];
    if (Array.isArray(body)) return body.filter(isObject);
    throw new HubError("the Cloud Sync Service returned no list", 200);
  }
}
