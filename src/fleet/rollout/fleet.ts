/** Reads from the Exchange all that a rollout decides by: policies, services, and every node with what it runs. */

import { compareVersions } from "../../common/horizon-version.js";
import type { NodeReport } from "../../common/hub/node-report.js";
import { type Fault, isObject, type JsonObject } from "../../common/json/document.js";
import { parseConstraint } from "../policy/constraint.js";
import type { Catalogue } from "../policy/offer.js";
import { readNodePolicy, readService, readServicePolicy } from "../policy/policy.js";
import { findProperty } from "../policy/property.js";
import type { Exchange } from "./exchange.js";
import { type Rollout, rolloutOf, type Share, shareOf } from "./shares.js";
import type { Container, FleetNode, Running } from "./standing.js";

/** The policies of a rollout, of the two names that they may have. */
export async function readRollout(
  exchange: Exchange,
  names: readonly [string, string],
): Promise<Rollout> {
  const found = await Promise.all(
    names.map(async (name): Promise<Share[]> => {
      const policy = await exchange.policy(name);
      return policy === undefined
        ? []
        : [shareOf(name, policy, timeOf(policy["lastUpdated"]) ?? 0)];
    }),
  );
  return rolloutOf(found.flat());
}

/** What of a service's versions is published, and the secrets that each of them declares. */
export interface Published {
  readonly catalogue: Catalogue;
  /** By version: the architectures that it is there for. */
  readonly arches: ReadonlyMap<string, readonly string[]>;
  /** By version. */
  readonly secrets: ReadonlyMap<string, readonly string[]>;
  /** By version and architecture, with a blank between: the containers of the definition. */
  readonly containers: ReadonlyMap<string, readonly string[]>;
}

export async function readPublished(exchange: Exchange, name: string): Promise<Published> {
  const version = (service: JsonObject) => String(service["version"]);
  const found = [...(await exchange.services(name))].sort(([, a], [, b]) =>
    compareVersions(version(a), version(b)),
  );
  const faults: Fault[] = [];
  const services = found.map(([, service]) =>
    readService({ ...service, org: exchange.org }, faults),
  );
  const policies = await Promise.all(
    found.map(async ([id], i) => {
      const policy = await exchange.servicePolicy(id);
      const terms = readServicePolicy(policy, (text) => parseConstraint(text), faults);
      // hzn writes a service's own name and version into its policy; which version it is, every offer says by itself.
      const properties = terms.properties.filter(
        (property) => !property.name.startsWith("openhorizon.service."),
      );
      // Where versions of one architecture differ, the newest has the word.
      return [services[i]?.arch, { ...terms, properties }] as const;
    }),
  );
  const arches = new Map<string, string[]>();
  const secrets = new Map<string, string[]>();
  const containers = new Map<string, string[]>();
  for (const [i, { version: number, arch }] of services.entries()) {
    arches.set(number, [...(arches.get(number) ?? []), arch].sort());
    const own = containersOf(found[i]?.[1] ?? {});
    const declared = Object.values(own).flatMap(({ secrets: named }) =>
      isObject(named) ? Object.keys(named) : [],
    );
    secrets.set(number, [...new Set([...(secrets.get(number) ?? []), ...declared])]);
    containers.set(`${number} ${arch}`, Object.keys(own));
  }
  const catalogue = { services, servicePolicies: new Map(policies) };
  return { catalogue, arches, secrets, containers };
}

/** In the Exchange the deployment is a text that holds JSON. */
function containersOf({ deployment }: JsonObject): Readonly<Record<string, JsonObject>> {
  const value: unknown =
    typeof deployment === "string" && deployment !== "" ? JSON.parse(deployment) : deployment;
  const services = isObject(value) ? value["services"] : undefined;
  const entries = Object.entries(isObject(services) ? services : {});
  return Object.fromEntries(
    entries.filter((entry): entry is [string, JsonObject] => isObject(entry[1])),
  );
}

/**
 * Every node of the organisation; what is missing of one is asked for node by node.
 *
 * @param reports what the nodes say of themselves, by their names
 */
export async function readFleet(
  exchange: Exchange,
  service: string,
  containers: Published["containers"],
  reports: ReadonlyMap<string, NodeReport>,
): Promise<FleetNode[]> {
  const nodes = [...(await exchange.nodes())];
  return Promise.all(
    nodes.map(async ([id, node]): Promise<FleetNode> => {
      const [policy, status] = await Promise.all([
        exchange.nodePolicy(id),
        exchange.nodeStatus(id),
      ]);
      const own = readNodePolicy(id, policy, (text) => parseConstraint(text), []);
      const name = "openhorizon.arch";
      const { arch } = node;
      const properties =
        typeof arch !== "string" || findProperty(own.properties, name)
          ? own.properties
          : [...own.properties, { name, value: arch }];
      return {
        policy: { ...own, properties },
        heardMs: timeOf(node["lastHeartbeat"]),
        running: runningOf(status, exchange.org, service, containers),
        report: reports.get(id),
      };
    }),
  );
}

function runningOf(
  { services, lastUpdated }: JsonObject,
  org: string,
  name: string,
  defined: Published["containers"],
): Running | undefined {
  const [own] = (Array.isArray(services) ? services : []).filter(
    (service): service is JsonObject =>
      isObject(service) && service["serviceUrl"] === name && service["orgid"] === org,
  );
  if (own === undefined) return undefined;
  const { version, arch, containerStatus } = own;
  const listed = (Array.isArray(containerStatus) ? containerStatus : []).filter(isObject);
  const containers = listed.map(containerOf);
  const names = defined.get(`${version} ${arch}`) ?? [];
  return {
    version: String(version),
    containers,
    missing: names.filter((one) => !containers.some((container) => container.name === one)),
    changedMs: timeOf(lastUpdated) ?? 0,
  };
}

function containerOf({ name, state, created }: JsonObject): Container {
  return {
    name: String(name).replace(/^\/?[0-9a-f]{64}-/, ""),
    state: String(state),
    createdMs: typeof created === "number" ? created * 1000 : 0,
  };
}

/** The Exchange writes `2026-11-24T10:00:00.000Z[UTC]`. */
function timeOf(text: unknown): number | undefined {
  const ms = typeof text === "string" ? Date.parse(text.replace(/\[.*\]$/, "")) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
