/** The Exchange's REST interface, as far as a rollout needs it. */

import { isObject, type JsonObject } from "../../common/json/document.js";
import { Connection, ExchangeError, type HubOptions } from "./connection.js";

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

  /** By name, below this organisation; undefined: it is not there. */
  async policy(name: string): Promise<JsonObject | undefined> {
    const { businessPolicy } = await this.#get(`business/policies/${encodeURIComponent(name)}`);
    return only(businessPolicy);
  }

  async createPolicy(name: string, body: JsonObject): Promise<void> {
    await this.#connection.change("POST", `business/policies/${encodeURIComponent(name)}`, body);
  }

  async replacePolicy(name: string, body: JsonObject): Promise<void> {
    await this.#connection.change("PUT", `business/policies/${encodeURIComponent(name)}`, body);
  }

  async deletePolicy(name: string): Promise<void> {
    await this.#connection.change("DELETE", `business/policies/${encodeURIComponent(name)}`);
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
    const body = withoutNull((await this.#connection.get(path)) ?? {});
    if (isObject(body)) return body;
    throw new ExchangeError(`the Exchange answers with no object to GET ${path}`, 200);
  }
}

/** The Exchange gives out null for what nobody has said. */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (!isObject(value)) return value;
  const said = Object.entries(value).filter(([, one]) => one !== null);
  return Object.fromEntries(said.map(([key, one]) => [key, withoutNull(one)]));
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
