/** Which version of a service a node gets from a deployment policy, or why it gets none. */

import {
  compileRequirement,
  type FailedClause,
  type Requirement,
} from "./constraint-evaluation.js";
import { parseConstraint } from "./constraint-parser.js";
import {
  ALLOW_PRIVILEGED,
  type DeploymentPolicy,
  type NodePolicy,
  type Service,
  type ServiceVersion,
  type Terms,
} from "./policies.js";
import { findProperty, type Property } from "./property.js";

/** The service definitions that exist, and the service policies by architecture; the key `undefined` is for all others. */
export interface Catalogue {
  /** Undefined: no definitions are given, and every version is assumed to exist, without privilege. */
  readonly services: readonly Service[] | undefined;
  readonly servicePolicies: ReadonlyMap<string | undefined, Terms>;
}

/** A deployment policy with the versions that it places, in the order in which the agreement bot tries them. */
export interface Deployment {
  readonly policy: DeploymentPolicy;
  readonly versions: readonly {
    readonly version: string;
    /** One for each architecture; empty if no definition exists of this version. */
    readonly variants: readonly Variant[];
  }[];
}

/** A version of the service for one architecture, with everything that Horizon adds. */
export interface Variant {
  readonly version: string;
  /** Undefined: neither the policy nor a definition says. */
  readonly arch: string | undefined;
  /** What the node must have. */
  readonly requirement: Requirement;
  /** What the node's own constraints are tested on. */
  readonly properties: readonly Property[];
}

export type Placement =
  | { readonly t: "placed"; readonly variant: Variant; readonly rejected: readonly Rejected[] }
  | { readonly t: "none"; readonly rejected: readonly Rejected[] };

/** A version that was tried and does not fit the node. */
export interface Rejected {
  readonly version: string;
  readonly why: Mismatch | NoService;
}

/** One side lacks what the constraints of the other ask for. */
interface Mismatch {
  readonly t: "node-lacks" | "service-lacks";
  /** Evaluated only on demand: most mismatches of a fleet interest nobody. */
  readonly failed: () => readonly FailedClause[];
}

/** The version exists for other architectures only, or for none. */
interface NoService {
  readonly t: "no-service";
  readonly arch: string | undefined;
  readonly available: ReadonlyArray<string | undefined>;
}

/** The architecture that a node policy states in Horizon's own property. */
export function archOf(node: NodePolicy): string | undefined {
  const value = findProperty(node.properties, "openhorizon.arch")?.value;
  return typeof value === "string" ? value : undefined;
}

/**
 * Tries the versions of a deployment on a node, in the order of the agreement bot. A node of unknown architecture is tried
 * with every variant.
 */
export function place(
  deployment: Deployment,
  node: NodePolicy,
  arch: string | undefined,
  nodeRequirement: Requirement = compileRequirement(node.constraints),
): Placement {
  const rejected: Rejected[] = [];
  const unmet = new Map<Requirement, Mismatch>();
  for (const { version, variants } of deployment.versions) {
    const available = variants.map((variant) => variant.arch);
    let why: Rejected["why"] = { t: "no-service", arch, available };
    for (const variant of variantsFor(arch, variants)) {
      const found = unmet.get(variant.requirement) ?? mismatch(variant, node, nodeRequirement);
      if (found === undefined) return { t: "placed", variant, rejected };
      if (found.t === "node-lacks") unmet.set(variant.requirement, found);
      why = found;
    }
    rejected.push({ version, why });
    // The agreement bot gives up at a version that does not exist for the node: it does not try the next one.
    if (why.t === "no-service") break;
  }
  return { t: "none", rejected };
}

/** A variant for any architecture is used if there is none for the node's own. */
function variantsFor(arch: string | undefined, variants: readonly Variant[]): readonly Variant[] {
  if (arch === undefined) return variants;
  const own = variants.filter((variant) => variant.arch === arch);
  return own.length > 0 ? own : variants.filter((variant) => variant.arch === undefined);
}

/**
 * Horizon's rule: the node's properties meet the constraints of deployment and service, and the properties of both meet the
 * node's constraints. Undefined: they do.
 */
function mismatch(
  { requirement, properties }: Variant,
  node: NodePolicy,
  nodeRequirement: Requirement,
): Mismatch | undefined {
  if (!requirement.isMetBy(node.properties)) {
    return { t: "node-lacks", failed: () => requirement.failures(node.properties) };
  }
  if (!nodeRequirement.isMetBy(properties)) {
    return { t: "service-lacks", failed: () => nodeRequirement.failures(properties) };
  }
  return undefined;
}

export function makeDeployment(policy: DeploymentPolicy, catalogue: Catalogue): Deployment {
  const requirementFor = requirementCache(policy, catalogue);
  return {
    policy,
    versions: inOrderOfTrial(policy.service.versions).map(({ version }) => ({
      version,
      variants: kindsOf(policy, version, catalogue).map((kind) => ({
        version,
        arch: kind.arch,
        requirement: requirementFor(kind),
        properties: propertiesOf(policy, version, kind, catalogue),
      })),
    })),
  };
}

/**
 * The agreement bot starts with the lowest priority number and moves on to the next. Of several versions with one number it
 * only ever tries the first, and a version without a number is tried alone.
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

/** What decides where a service definition may run. */
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

/** Whether a definition, of whatever version, is of the service that a policy places. */
function isDefinitionOf({ service }: DeploymentPolicy, { org, url, arch }: Service): boolean {
  const isOrg = org === "" || org === service.org;
  return url === service.name && isOrg && (service.arch === "*" || arch === service.arch);
}

/** Whether a policy places a definition. hzn refuses to check a definition that no policy places. */
export function places(policy: DeploymentPolicy, definition: Service): boolean {
  const { versions } = policy.service;
  return (
    isDefinitionOf(policy, definition) &&
    versions.some(({ version }) => version === definition.version)
  );
}

/** Compiles what a policy asks of a node, once for each kind: `place` compares requirements by identity. */
function requirementCache(
  policy: DeploymentPolicy,
  catalogue: Catalogue,
): (kind: Kind) => Requirement {
  const known = new Map<string, Requirement>();
  return ({ arch, isPrivileged }) => {
    const key = `${arch} ${isPrivileged}`;
    const own = termsFor(arch, catalogue)?.constraints ?? [];
    const allow = isPrivileged ? [parseConstraint(`${ALLOW_PRIVILEGED} = true`)] : [];
    const requirement =
      known.get(key) ?? compileRequirement([...policy.constraints, ...own, ...allow]);
    known.set(key, requirement);
    return requirement;
  };
}

/** The first of several properties with one name counts. */
function propertiesOf(
  policy: DeploymentPolicy,
  version: string,
  { arch, isPrivileged }: Kind,
  catalogue: Catalogue,
): readonly Property[] {
  const { name, org } = policy.service;
  const own = termsFor(arch, catalogue)?.properties ?? [];
  const properties: Property[] = [
    ...policy.properties,
    ...own.filter((property) => property.name !== ALLOW_PRIVILEGED),
    { name: "openhorizon.service.url", value: name },
    { name: "openhorizon.service.name", value: name },
    { name: "openhorizon.service.org", value: org },
    { name: "openhorizon.service.version", value: version },
    ...(arch === undefined ? [] : [{ name: "openhorizon.service.arch", value: arch }]),
    { name: ALLOW_PRIVILEGED, value: isPrivileged },
  ];
  return properties.filter((property) => findProperty(properties, property.name) === property);
}

function termsFor(arch: string | undefined, { servicePolicies }: Catalogue): Terms | undefined {
  return servicePolicies.get(arch) ?? servicePolicies.get(undefined);
}
