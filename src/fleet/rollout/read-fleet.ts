/** Reads from the Exchange what a rollout decides by: its policies, the service's versions, and every node with what it runs. */

import { compareVersions } from "../../common/horizon-version.js";
import type { NodeReport } from "../../common/hub/node-report.js";
import type { JsonObject } from "../../common/json/document.js";
import { asObject, asObjects, containersOf } from "../json.js";
import type { Catalogue } from "../policy/placement.js";
import {
  readNodePolicy,
  readService,
  readServicePolicy,
  SKIP_PROBLEMS,
} from "../policy/policies.js";
import { withArch } from "../policy/policy-files.js";
import type { Exchange } from "./hub.js";
import type { FleetNode, Running } from "./node-state.js";
import { type Rollout, readRolloutPolicy, rolloutOf } from "./rollout-state.js";

/** @param names of the two policies that a rollout may have */
export async function readRollout(
  exchange: Exchange,
  names: readonly [string, string],
): Promise<Rollout> {
  const policies = await Promise.all(
    names.map(async (name) => {
      const policy = await exchange.policy(name);
      if (policy === undefined) return [];
      return [readRolloutPolicy(name, policy, parseTime(policy["lastUpdated"]) ?? 0)];
    }),
  );
  return rolloutOf(policies.flat());
}

/** The published versions of a service. */
export interface PublishedVersions {
  readonly catalogue: Catalogue;
  /** By version: the architectures that it exists for. */
  readonly arches: ReadonlyMap<string, readonly string[]>;
  /** By version: the secrets that it declares. */
  readonly secrets: ReadonlyMap<string, readonly string[]>;
  /** By `VERSION ARCH`: the containers of the definition. */
  readonly containers: ReadonlyMap<string, readonly string[]>;
}

export async function readPublished(exchange: Exchange, name: string): Promise<PublishedVersions> {
  const found = [...(await exchange.services(name))].sort(([, a], [, b]) =>
    compareVersions(String(a["version"]), String(b["version"])),
  );
  const services = found.map(([, service]) =>
    readService({ ...service, org: exchange.org }, SKIP_PROBLEMS),
  );
  const policies = await Promise.all(
    found.map(async ([id], i) => {
      const terms = readServicePolicy(await exchange.servicePolicy(id), SKIP_PROBLEMS);
      // hzn writes the service's name and version into its policy; placement adds those of each variant.
      const properties = terms.properties.filter(
        (property) => !property.name.startsWith("openhorizon.service."),
      );
      // If versions of one architecture differ, the newest counts.
      return [services[i]?.arch, { ...terms, properties }] as const;
    }),
  );
  const arches = new Map<string, string[]>();
  const secrets = new Map<string, string[]>();
  const containers = new Map<string, string[]>();
  for (const [i, { version, arch }] of services.entries()) {
    arches.set(version, [...(arches.get(version) ?? []), arch].sort());
    const defined = containersOf(found[i]?.[1] ?? {});
    const declared = Object.values(defined).flatMap((one) => Object.keys(asObject(one["secrets"])));
    secrets.set(version, [...new Set([...(secrets.get(version) ?? []), ...declared])]);
    containers.set(`${version} ${arch}`, Object.keys(defined));
  }
  const catalogue = { services, servicePolicies: new Map(policies) };
  return { catalogue, arches, secrets, containers };
}

/**
 * Every node of the organisation. Policy and status are requested node by node.
 *
 * @param reports what the nodes report, by their names
 */
export async function readFleet(
  exchange: Exchange,
  service: string,
  containers: PublishedVersions["containers"],
  reports: ReadonlyMap<string, NodeReport>,
): Promise<FleetNode[]> {
  const nodes = [...(await exchange.nodes())];
  return Promise.all(
    nodes.map(async ([id, node]): Promise<FleetNode> => {
      const [body, status] = await Promise.all([exchange.nodePolicy(id), exchange.nodeStatus(id)]);
      const { arch } = node;
      const policy = readNodePolicy(id, body, SKIP_PROBLEMS);
      return {
        policy: typeof arch === "string" ? withArch(policy, arch) : policy,
        heartbeatMs: parseTime(node["lastHeartbeat"]),
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
  defined: PublishedVersions["containers"],
): Running | undefined {
  const own = asObjects(services).find(
    ({ serviceUrl, orgid }) => serviceUrl === name && orgid === org,
  );
  if (own === undefined) return undefined;
  const { version, arch } = own;
  const containers = asObjects(own["containerStatus"]).map(({ name, state, created }) => ({
    name: String(name).replace(/^\/?[0-9a-f]{64}-/, ""),
    state: String(state),
    createdMs: typeof created === "number" ? created * 1000 : 0,
  }));
  const names = defined.get(`${version} ${arch}`) ?? [];
  return {
    version: String(version),
    containers,
    missing: names.filter((one) => !containers.some((container) => container.name === one)),
    changedMs: parseTime(lastUpdated) ?? 0,
  };
}

/** The Exchange writes `2026-11-24T10:00:00.000Z[UTC]`. */
function parseTime(text: unknown): number | undefined {
  const ms = typeof text === "string" ? Date.parse(text.replace(/\[.*\]$/, "")) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
