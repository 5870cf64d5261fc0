/**
 * What a deployment policy offers to nodes: one version of a service for one architecture, with everything that Horizon adds.
 */

import { parseConstraint } from "./constraint.js";
import type { FailedClause, Requirement } from "./evaluate.js";
import { compileRequirement } from "./evaluate.js";
import type { DeploymentPolicy, NodePolicy, Service, ServiceVersion } from "./policy.js";
import type { Property } from "./property.js";
import { findProperty } from "./property.js";
import type { Terms } from "./terms.js";
import { privileged } from "./terms.js";

export interface Offer {
  readonly version: string;
  /** Undefined where neither the policy nor a definition says it. */
  readonly arch: string | undefined;
  /** What the node is asked for. */
  readonly requirement: Requirement;
  /** What the node's own constraints are tested on. */
  readonly properties: readonly Property[];
}

/** A deployment policy with its offers, in the order in which the agreement bot tries the versions. */
export interface Deployment {
  readonly policy: DeploymentPolicy;
  readonly versions: readonly VersionOffers[];
}

export interface VersionOffers {
  readonly version: string;
  /** One for each architecture; none where no definition fits this version. */
  readonly offers: readonly Offer[];
}

/** The definitions that exist, and the service policies by architecture; `undefined` as the key stands for all others. */
export interface Catalogue {
  /** Undefined where no definitions were given: then every version is taken to exist, without privilege. */
  readonly services: readonly Service[] | undefined;
  readonly servicePolicies: ReadonlyMap<string | undefined, Terms>;
}

export function makeDeployment(policy: DeploymentPolicy, catalogue: Catalogue): Deployment {
  const requirementFor = requirements(policy, catalogue);
  return {
    policy,
    versions: inOrderOfTrial(policy.service.versions).map(({ version }) => ({
      version,
      offers: kindsOf(policy, version, catalogue).map((kind) => ({
        version,
        arch: kind.arch,
        requirement: requirementFor(kind),
        properties: propertiesOf(policy, version, kind, catalogue),
      })),
    })),
  };
}

/**
 * The agreement bot starts with the lowest priority number and passes on to the next. Of several versions with one number only
 * the first is ever tried, and a version without a number is tried alone.
 */
export function inOrderOfTrial(versions: readonly ServiceVersion[]): ServiceVersion[] {
  const unranked = versions.find(({ priority }) => priority === 0);
  if (unranked !== undefined) return [unranked];
  const firstOfEach = new Map<number, ServiceVersion>();
  for (const entry of versions) {
    if (!firstOfEach.has(entry.priority)) firstOfEach.set(entry.priority, entry);
  }
  return [...firstOfEach.values()].sort((a, b) => a.priority - b.priority);
}

/** What of a service definition decides where it may run. */
interface Kind {
  readonly arch: string | undefined;
  readonly isPrivileged: boolean;
}

function kindsOf(policy: DeploymentPolicy, version: string, catalogue: Catalogue): readonly Kind[] {
  const { services, servicePolicies } = catalogue;
  if (services !== undefined) {
    return services.filter((one) => one.version === version && isDefinitionOf(policy, one));
  }
  const { arch } = policy.service;
  const arches = arch === "*" ? [...servicePolicies.keys()] : [arch];
  return (arches.length === 0 ? [undefined] : arches).map((one) => ({
    arch: one,
    isPrivileged: false,
  }));
}

/** Whether a definition is of the service that a policy places, whatever its version. */
function isDefinitionOf({ service }: DeploymentPolicy, { org, url, arch }: Service): boolean {
  const isOrg = org === "" || org === service.org;
  return url === service.name && isOrg && (service.arch === "*" || arch === service.arch);
}

/** Whether a policy places a definition. hzn refuses a check with one that is not placed. */
export function places(policy: DeploymentPolicy, definition: Service): boolean {
  const { versions } = policy.service;
  return (
    isDefinitionOf(policy, definition) &&
    versions.some(({ version }) => version === definition.version)
  );
}

/** Compiles what a policy asks of a node. One object for one kind: equal requirements need no second look. */
function requirements(policy: DeploymentPolicy, catalogue: Catalogue): (kind: Kind) => Requirement {
  const known = new Map<string, Requirement>();
  return ({ arch, isPrivileged }) => {
    const key = `${arch} ${isPrivileged}`;
    const own = termsFor(arch, catalogue)?.constraints ?? [];
    const allow = isPrivileged ? [parseConstraint(`${privileged} = true`)] : [];
    const requirement =
      known.get(key) ?? compileRequirement([...policy.constraints, ...own, ...allow]);
    known.set(key, requirement);
    return requirement;
  };
}

function propertiesOf(
  policy: DeploymentPolicy,
  version: string,
  { arch, isPrivileged }: Kind,
  catalogue: Catalogue,
): readonly Property[] {
  const { name, org } = policy.service;
  const own = termsFor(arch, catalogue)?.properties ?? [];
  return firstOfEachName([
    ...policy.properties,
    ...own.filter((property) => property.name !== privileged),
    { name: "openhorizon.service.url", value: name },
    { name: "openhorizon.service.name", value: name },
    { name: "openhorizon.service.org", value: org },
    { name: "openhorizon.service.version", value: version },
    ...(arch === undefined ? [] : [{ name: "openhorizon.service.arch", value: arch }]),
    { name: privileged, value: isPrivileged },
  ]);
}

function termsFor(arch: string | undefined, { servicePolicies }: Catalogue): Terms | undefined {
  return servicePolicies.get(arch) ?? servicePolicies.get(undefined);
}

function firstOfEachName(properties: readonly Property[]): Property[] {
  return properties.filter((property) => findProperty(properties, property.name) === property);
}

/** Why an offer and a node do not go together: one side does not have what the other asks for. */
export interface Mismatch {
  readonly t: "node-lacks" | "offer-lacks";
  /** Worked out when asked for: of a fleet, most mismatches are of no interest. */
  readonly failed: () => readonly FailedClause[];
}

/**
 * Horizon's rule: the node's properties meet the constraints of deployment and service, and the properties of both meet the
 * node's constraints. Returns undefined where they do.
 */
export function mismatch(
  offer: Offer,
  node: NodePolicy,
  nodeRequirement: Requirement,
): Mismatch | undefined {
  if (!offer.requirement.isMetBy(node.properties)) {
    return { t: "node-lacks", failed: () => offer.requirement.failures(node.properties) };
  }
  if (!nodeRequirement.isMetBy(offer.properties)) {
    return { t: "offer-lacks", failed: () => nodeRequirement.failures(offer.properties) };
  }
  return undefined;
}
