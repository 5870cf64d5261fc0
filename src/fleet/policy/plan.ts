/** What deployment policies do to a fleet: which nodes get which version, which get none and why, by ring. */

import { compileRequirement, type Requirement } from "./constraint-evaluation.js";
import type { Clause } from "./constraint-parser.js";
import { archOf, type Deployment, type Placement, place, type Rejected } from "./placement.js";
import type { NodePolicy } from "./policies.js";
import { findProperty } from "./property.js";

/** Who gets one service. */
export interface ServicePlan {
  /** `org/name`. */
  readonly service: string;
  /** Nodes that get a version, by version, architecture and policy. */
  readonly placed: readonly PlacedGroup[];
  /** Nodes that get none, by reason. */
  readonly none: readonly NoneGroup[];
  /** How many nodes fit more than one policy. They count once, for the first policy; Horizon keeps whichever came first. */
  readonly contested: number;
  /** By the value of the ring property, in order; `none` for nodes without one. */
  readonly rings: ReadonlyArray<{
    readonly ring: string;
    readonly nodes: ReadonlyMap<string, number>;
  }>;
}

interface Group {
  /** The ids of its nodes, in the order of the fleet. */
  readonly nodes: string[];
}

export interface PlacedGroup extends Group {
  readonly policy: string;
  readonly version: string;
  readonly arch: string | undefined;
}

export interface NoneGroup extends Group {
  /** For the first node of the group; the others fail the same clauses. */
  readonly reasons: ReadonlyArray<{
    readonly policy: string;
    readonly rejected: readonly Rejected[];
  }>;
}

interface Planner {
  readonly add: (node: NodePolicy) => void;
  readonly plan: () => ServicePlan[];
}

export function makePlanner(deployments: readonly Deployment[], ringProperty: string): Planner {
  const byService = new Map<string, Deployment[]>();
  for (const deployment of deployments) {
    const { org, name } = deployment.policy.service;
    const service = `${org}/${name}`;
    byService.set(service, [...(byService.get(service) ?? []), deployment]);
  }
  const services = [...byService].map(([service, own]) => makeServicePlanner(service, own));
  const requirementOf = requirementCache();
  return {
    add(node) {
      const arch = archOf(node);
      const requirement = requirementOf(node);
      const ring = String(findProperty(node.properties, ringProperty)?.value ?? "none");
      for (const service of services) service.add(node, arch, requirement, ring);
    },
    plan: () => services.map((service) => service.plan()),
  };
}

/** Stands for the version of nodes that get none. */
export const NO_VERSION = "none";

function makeServicePlanner(service: string, deployments: readonly Deployment[]) {
  const placed = new Map<string, PlacedGroup>();
  const none = new Map<string, NoneGroup>();
  const rings = new Map<string, Map<string, number>>();
  const keyOf = failureKeys();
  let contested = 0;

  const count = (ring: string, column: string): void => {
    const columns = rings.get(ring) ?? new Map<string, number>();
    columns.set(column, (columns.get(column) ?? 0) + 1);
    rings.set(ring, columns);
  };

  return {
    add(node: NodePolicy, arch: string | undefined, requirement: Requirement, ring: string): void {
      const placements = deployments.map((deployment) =>
        place(deployment, node, arch, requirement),
      );
      const first = placements.findIndex(({ t }) => t === "placed");
      const placement = placements[first];
      const policy = deployments[first]?.policy.name;
      if (placement?.t === "placed" && policy !== undefined) {
        const { version, arch: placedArch } = placement.variant;
        const key = `${first} ${version} ${placedArch}`;
        const group = placed.get(key) ?? { policy, version, arch: placedArch, nodes: [] };
        group.nodes.push(node.id);
        placed.set(key, group);
        if (placements.some(({ t }, i) => i > first && t === "placed")) contested++;
        count(ring, version);
        return;
      }
      const key = placements.map(keyOf).join(";");
      const group = none.get(key) ?? { reasons: reasonsOf(deployments, placements), nodes: [] };
      group.nodes.push(node.id);
      none.set(key, group);
      count(ring, NO_VERSION);
    },
    plan: (): ServicePlan => ({
      service,
      placed: largestFirst(placed.values()),
      none: largestFirst(none.values()),
      contested,
      rings: [...rings]
        .map(([ring, nodes]) => ({ ring, nodes }))
        .sort((a, b) => a.ring.localeCompare(b.ring, "en", { numeric: true })),
    }),
  };
}

function largestFirst<G extends Group>(groups: Iterable<G>): G[] {
  return [...groups].sort((a, b) => b.nodes.length - a.nodes.length);
}

function reasonsOf(
  deployments: readonly Deployment[],
  placements: readonly Placement[],
): NoneGroup["reasons"] {
  return deployments.map(({ policy }, i) => ({
    policy: policy.name,
    rejected: placements[i]?.rejected ?? [],
  }));
}

/** Keys that are equal for nodes that fail the same clauses in the same way. */
function failureKeys(): (placement: Placement) => string {
  const numbers = new Map<Clause, number>();
  const numberOf = (clause: Clause): number => {
    const number = numbers.get(clause) ?? numbers.size;
    numbers.set(clause, number);
    return number;
  };
  return ({ rejected }) =>
    rejected
      .map(({ version, why }) => {
        if (why.t === "no-service") return `${version} ${why.arch}`;
        const failed = why
          .failed()
          .map(({ clause, have }) => numberOf(clause) * 2 + (have ? 1 : 0));
        return `${version} ${failed.join(",")}`;
      })
      .join("|");
}

/** Nodes have few different sets of constraints; each is compiled once. */
function requirementCache(): (node: NodePolicy) => Requirement {
  const known = new Map<string, Requirement>();
  return ({ constraints }) => {
    const key = constraints.map(({ text }) => text).join("\n");
    const requirement = known.get(key) ?? compileRequirement(constraints);
    known.set(key, requirement);
    return requirement;
  };
}
