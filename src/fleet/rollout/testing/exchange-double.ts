/** A hub in memory, over HTTP: it answers and refuses what `hzn` and a rollout ask as the real Exchange does. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isObject, type JsonObject } from "../../../common/json/document.js";
import {
  deploymentPolicyProblem,
  nodePolicyProblem,
  nodeStatusProblem,
  patternProblem,
  serviceId,
  servicePolicyProblem,
  serviceProblem,
} from "./exchange-checks.js";

/** A request as received; a JSON body is parsed. */
export interface Request {
  readonly method: string;
  /** Below /v1/, with the query. */
  readonly path: string;
  readonly body: unknown;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** A request for a resource, as its handler gets it. */
interface Call {
  readonly method: string;
  readonly org: string;
  readonly id: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

const NOT_FOUND: Reply = { status: 404, body: { code: "not-found", msg: "not found" } };
/** The answer to a deletion, and for an object that was accepted. */
const DELETED: Reply = { status: 204, body: undefined };
/** How the message of its database begins if a name exists already. */
const DUPLICATE = "ERROR: duplicate key value violates unique constraint";
const NO_METHOD: Reply = { status: 405, body: "HTTP method not allowed" };

export class ExchangeDouble {
  readonly org = "myorg";
  readonly user = "me:pw";
  /** Every request, in order. */
  readonly requests: Request[] = [];
  /** By `org/id`, as sent; times and owner are added to answers. */
  readonly services = new Map<string, JsonObject>();
  readonly servicePolicies = new Map<string, JsonObject>();
  readonly policies = new Map<string, JsonObject>();
  readonly patterns = new Map<string, JsonObject>();
  readonly nodes = new Map<string, JsonObject>();
  readonly nodePolicies = new Map<string, JsonObject>();
  readonly nodeStatuses = new Map<string, JsonObject>();
  /** Metadata of the Model Management Service's objects, by type and id. */
  readonly objects = new Map<string, JsonObject>();
  /** By resource, such as `services/org/id`: the names of its public keys. */
  readonly keys = new Map<string, Map<string, string>>();
  /** The requests that are answered with 503. */
  fails: (request: Request) => boolean = () => false;
  /** The Exchange's clock. */
  now: () => number = Date.now;
  readonly #updated = new Map<JsonObject, string>();
  readonly #server: Server = createServer((request, response) => this.#serve(request, response));

  static async start(): Promise<ExchangeDouble> {
    const double = new ExchangeDouble();
    await new Promise<void>((resolve) => double.#server.listen(0, "127.0.0.1", resolve));
    return double;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo; // it listens on TCP
    return `http://127.0.0.1:${port}/v1`;
  }

  /** Address of the Model Management Service. */
  get cssUrl(): string {
    return new URL(this.url).origin;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The requests that changed something. */
  get changes(): Request[] {
    return this.requests.filter(({ method }) => method !== "GET");
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const { status, body } = this.#answer(request, parsed(text));
      response.writeHead(status, {
        "content-type": typeof body === "string" ? "text/plain" : "application/json",
      });
      response.end(
        typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body),
      );
    });
  }

  #answer({ method = "", url = "", headers }: IncomingMessage, body: unknown): Reply {
    const path = url.replace(/^\/v1\//, "");
    const request = { method, path, body };
    this.requests.push(request);
    if (this.fails(request)) return { status: 503, body: { code: "error", msg: "out of service" } };
    const expected = `Basic ${Buffer.from(`${this.org}/${this.user}`).toString("base64")}`;
    if (headers.authorization !== undefined && headers.authorization !== expected) {
      return refused(401, "invalid-credentials", "invalid credentials");
    }
    const { pathname, searchParams: query } = new URL(path, "http://exchange/");
    const [first, org = "", kind = "", ...rest] = pathname
      .slice(1)
      .split("/")
      .map(decodeURIComponent);
    if (path.startsWith("/api/v1/objects/")) {
      const [type = "", objectId, of] = pathname.split("/").slice(5).map(decodeURIComponent);
      if (objectId !== undefined) return this.#object(method, `${type}/${objectId}`, of, body);
      return this.#objects(type || (query.get("objectType") ?? ""));
    }
    if (first === "admin") return { status: 200, body: "2.154.0\n" };
    if (first !== "orgs") return NOT_FOUND;
    if (headers.authorization === undefined) {
      return refused(401, "invalid-credentials", "invalid credentials");
    }
    const [id = "", part = "", key = ""] =
      kind === "business" || kind === "deployment" ? rest.slice(1) : rest;
    const call: Call = { method, org, id, query, body };
    switch (kind === "business" || kind === "deployment" ? rest[0] : kind) {
      case "services":
        if (part === "keys") return this.#key(call, `services/${org}/${id}`, key);
        if (part === "policy") return this.#servicePolicy(call);
        return id === "" ? this.#services(call) : this.#service(call);
      case "policies":
        return id === "" ? this.#list("businessPolicy", this.policies, call) : this.#policy(call);
      case "patterns":
        if (part === "keys") return this.#key(call, `patterns/${org}/${id}`, key);
        return this.#pattern(call);
      case "nodes":
        if (part === "policy") return this.#nodePart(call, "policy");
        if (part === "heartbeat") return this.#heartbeat(call);
        if (part === "status") return this.#nodePart(call, "status");
        return this.#node(call);
      default:
        return NOT_FOUND;
    }
  }

  /** An object of the Model Management Service, its data or its status. Data are not kept, and are ready at once. */
  #object(method: string, name: string, of: string | undefined, body: unknown): Reply {
    const there = this.objects.has(name);
    if (method === "GET") return { status: there ? 200 : 404, body: there ? "ready" : [] };
    const meta = isObject(body) && isObject(body["meta"]) ? body["meta"] : {};
    if (method === "PUT" && of === undefined) this.objects.set(name, meta);
    if (method === "DELETE") this.objects.delete(name);
    return DELETED;
  }

  #services(call: Call): Reply {
    const { method, org, query, body } = call;
    if (method === "GET") {
      const wanted = ["url", "version", "arch"].flatMap((key) => {
        const value = query.get(key);
        return value === null ? [] : [[key, like(value)] as const];
      });
      return this.#list("services", this.services, call, (service) =>
        wanted.every(([key, pattern]) => pattern.test(String(service[key]))),
      );
    }
    if (method !== "POST") return NO_METHOD;
    const problem = serviceProblem(body, undefined, this.services.keys());
    if (problem !== undefined) return refused(400, "invalid-input", problem);
    const id = `${org}/${serviceId(body)}`;
    if (this.services.has(id)) {
      return refused(403, "already-exists", `service '${id}' already exists: ${DUPLICATE}`);
    }
    return this.#keep(this.services, id, body, `service '${id}' created`);
  }

  #service({ method, org, id, body }: Call): Reply {
    const name = `${org}/${id}`;
    const there = this.services.get(name);
    if (there === undefined) return refused(404, "not-found", `service '${name}' not found`);
    if (method === "GET") {
      return {
        status: 200,
        body: { services: { [name]: this.#shown(there, "services") }, lastIndex: 0 },
      };
    }
    if (method === "DELETE") {
      this.services.delete(name);
      this.servicePolicies.delete(name);
      this.keys.delete(`services/${name}`);
      return DELETED;
    }
    if (method !== "PUT") return NO_METHOD;
    const problem = serviceProblem(body, id, this.services.keys());
    if (problem !== undefined) return refused(400, "invalid-input", problem);
    return this.#keep(this.services, name, body, "service updated");
  }

  #servicePolicy({ method, org, id, body }: Call): Reply {
    const name = `${org}/${id}`;
    if (!this.services.has(name) && method !== "GET")
      return method === "PUT" ? dangling("policy", "service", name) : absent("service", name);
    return this.#part(method, name, body, this.servicePolicies, servicePolicyProblem);
  }

  #policy(call: Call): Reply {
    const { method, org, id, body } = call;
    const name = `${org}/${id}`;
    const there = this.policies.get(name);
    if (method === "GET") return this.#list("businessPolicy", this.policies, call);
    if (method === "DELETE")
      return this.policies.delete(name) ? DELETED : absent("business policy", name);
    const problem = deploymentPolicyProblem(body, this.services.keys());
    return this.#create(call, "business policy", this.policies, there, problem);
  }

  /** POST creates, PUT changes what exists; what both refuse comes first. */
  #create(
    { method, org, id, body }: Call,
    kind: string,
    kept: Map<string, JsonObject>,
    there: JsonObject | undefined,
    problem: string | undefined,
  ): Reply {
    const name = `${org}/${id}`;
    if (method !== "POST" && method !== "PUT") return NO_METHOD;
    const isMissing = problem?.includes("in the exchange") || problem?.includes("made public");
    if (problem !== undefined) {
      const what = `${kind} '${name}' not ${method === "POST" ? "created" : "updated"}: `;
      return refused(400, "invalid-input", `${isMissing ? what : ""}${problem}`);
    }
    if (method === "POST" && there !== undefined) {
      return refused(403, "already-exists", `${kind} '${name}' already exists: ${DUPLICATE}`);
    }
    if (method === "PUT" && there === undefined) return absent(kind, name);
    const msg = method === "POST" ? `${kind} '${name}' created` : `${kind} updated`;
    return this.#keep(kept, name, body, msg);
  }

  #pattern(call: Call): Reply {
    const { method, org, id, body } = call;
    const name = `${org}/${id}`;
    if (method === "GET") return this.#list("patterns", this.patterns, call);
    if (method === "DELETE") {
      this.keys.delete(`patterns/${name}`);
      return this.patterns.delete(name) ? DELETED : absent("pattern", name);
    }
    const problem = patternProblem(body, this.services.keys());
    return this.#create(call, "pattern", this.patterns, this.patterns.get(name), problem);
  }

  #node(call: Call): Reply {
    const { method, org, id, body } = call;
    const name = `${org}/${id}`;
    switch (method) {
      case "GET":
        if (id !== "" && !this.nodes.has(name)) return NOT_FOUND;
        return this.#list("nodes", this.nodes, call);
      case "PUT":
        return this.#keep(this.nodes, name, body, "node added or updated");
      case "DELETE":
        this.nodePolicies.delete(name);
        this.nodeStatuses.delete(name);
        return this.nodes.delete(name) ? DELETED : absent("node", name);
      default:
        return NO_METHOD;
    }
  }

  #heartbeat({ method, org, id }: Call): Reply {
    const name = `${org}/${id}`;
    const node = this.nodes.get(name);
    if (method !== "POST") return NO_METHOD;
    if (node === undefined) return absent("node", name);
    const lastHeartbeat = `${new Date(this.now()).toISOString()}[UTC]`;
    return this.#keep(this.nodes, name, { ...node, lastHeartbeat }, "node updated");
  }

  #nodePart(call: Call, what: "policy" | "status"): Reply {
    const { method, body } = call;
    const name = `${call.org}/${call.id}`;
    const isPolicy = what === "policy";
    const [kept, check] = isPolicy
      ? [this.nodePolicies, nodePolicyProblem]
      : [this.nodeStatuses, nodeStatusProblem];
    if (!this.nodes.has(name) && method === "PUT") return dangling(what, "node", name);
    const msg = isPolicy ? "policy added or updated" : "status added or update";
    return this.#part(method, name, body, kept, check, msg);
  }

  /** A part of another resource that has a path of its own. */
  #part(
    method: string,
    name: string,
    body: unknown,
    kept: Map<string, JsonObject>,
    check: (body: unknown) => string | undefined,
    msg = "policy added or updated",
  ): Reply {
    const there = kept.get(name);
    if (method === "GET") {
      return there === undefined ? NOT_FOUND : { status: 200, body: this.#shown(there) };
    }
    if (method === "DELETE") return kept.delete(name) ? DELETED : NOT_FOUND;
    if (method !== "PUT") return NO_METHOD;
    const problem = check(body);
    if (problem !== undefined) return refused(400, "invalid-input", problem);
    return this.#keep(kept, name, body, msg);
  }

  /** An empty list is 404. */
  #objects(type: string): Reply {
    const found = [...this.objects]
      .filter(([name]) => name.startsWith(`${type}/`))
      .map(([, meta]) => meta);
    return { status: found.length > 0 ? 200 : 404, body: found };
  }

  #key({ method, body }: Call, resource: string, key: string): Reply {
    const keys = this.keys.get(resource) ?? new Map<string, string>();
    if (method === "GET") {
      return key === ""
        ? { status: keys.size > 0 ? 200 : 404, body: [...keys.keys()] }
        : { status: keys.has(key) ? 200 : 404, body: keys.get(key) ?? "" };
    }
    if (method !== "PUT") return NO_METHOD;
    const [kind = "", org = "", id = ""] = resource.split("/");
    const holders = kind === "services" ? this.services : this.patterns;
    if (!holders.has(`${org}/${id}`))
      return dangling(`key '${key}'`, kind.slice(0, -1), `${org}/${id}`);
    this.keys.set(resource, keys.set(key, String(body)));
    return { status: 201, body: { code: "ok", msg: "key added or updated" } };
  }

  /** A list, or the one resource of it that the path names: both have the same wrapper. */
  #list(
    wrapper: string,
    kept: ReadonlyMap<string, JsonObject>,
    { org, id }: Call,
    fits: (value: JsonObject) => boolean = () => true,
  ): Reply {
    const found = [...kept].filter(
      ([name, value]) =>
        (id === "" ? name.startsWith(`${org}/`) : name === `${org}/${id}`) && fits(value),
    );
    const shown = Object.fromEntries(
      found.map(([name, value]) => [name, this.#shown(value, wrapper)]),
    );
    return { status: found.length > 0 ? 200 : 404, body: { [wrapper]: shown, lastIndex: 0 } };
  }

  #keep(kept: Map<string, JsonObject>, name: string, body: unknown, msg: string): Reply {
    const value = isObject(body) ? body : {};
    kept.set(name, value);
    this.#updated.set(value, `${new Date(this.now()).toISOString()}[UTC]`);
    return { status: 201, body: { code: "ok", msg } };
  }

  /** A resource in an answer: with what the Exchange adds. */
  #shown(value: JsonObject, wrapper?: string): JsonObject {
    const lastUpdated = this.#updated.get(value);
    if (lastUpdated === undefined) return withTypes(value);
    const owner = wrapper === undefined ? {} : { owner: `${this.org}/me` };
    const created = wrapper === "businessPolicy" ? { created: lastUpdated } : {};
    const hardware = "matchHardware" in value ? { matchHardware: {} } : {};
    return { ...withTypes(value), ...hardware, ...owner, ...created, lastUpdated };
  }
}

/** In answers a property without a type has the type null. */
function withTypes(value: JsonObject): JsonObject {
  const { properties } = value;
  if (!Array.isArray(properties)) return value;
  return {
    ...value,
    properties: properties.map((property) =>
      isObject(property) ? { ...property, type: property["type"] ?? null } : property,
    ),
  };
}

/** The pattern of a query: `%` matches anything. */
function like(value: string): RegExp {
  const escaped = value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${value.includes("%") ? escaped.replaceAll("%", ".*") : escaped}$`);
}

/** Not the Exchange checks that the parent resource exists, but its database. */
function dangling(what: string, kind: string, name: string): Reply {
  return refused(500, "internal_error", `${what} for ${kind} '${name}' not inserted or updated: `);
}

function absent(kind: string, name: string): Reply {
  return refused(404, "not-found", `${kind} '${name}' not found`);
}

function refused(status: number, code: string, msg: string): Reply {
  return { status, body: { code, msg } };
}

/** Public keys are sent as plain text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
