/** Which version a node gets from a deployment policy, or why it gets none. */

import type { Requirement } from "./evaluate.js";
import { compileRequirement } from "./evaluate.js";
import type { Deployment, Mismatch, Offer } from "./offer.js";
import { mismatch } from "./offer.js";
import type { NodePolicy } from "./policy.js";
import { findProperty } from "./property.js";

export type Placement =
  | { readonly t: "placed"; readonly offer: Offer; readonly refusals: readonly Refusal[] }
  | { readonly t: "none"; readonly refusals: readonly Refusal[] };

/** A version that was tried and does not fit. */
export interface Refusal {
  readonly version: string;
  readonly why: Mismatch | NoService;
}

/** This version is offered for other architectures only, or for none. */
export interface NoService {
  readonly t: "no-service";
  readonly arch: string | undefined;
  readonly offered: ReadonlyArray<string | undefined>;
}

/** The architecture that a node policy states by Horizon's own property. */
export function archOf(node: NodePolicy): string | undefined {
  const value = findProperty(node.properties, "openhorizon.arch")?.value;
  return typeof value === "string" ? value : undefined;
}

/**
 * Tries the versions of a deployment on a node, in the order of the agreement bot. A node whose architecture is not known is
 * tried with every one.
 */
export function place(
  deployment: Deployment,
  node: NodePolicy,
  arch: string | undefined,
  nodeRequirement: Requirement = compileRequirement(node.constraints),
): Placement {
  const refusals: Refusal[] = [];
  const unmet = new Map<Requirement, Mismatch>();
  for (const { version, offers } of deployment.versions) {
    let why: Refusal["why"] = { t: "no-service", arch, offered: offers.map((offer) => offer.arch) };
    for (const offer of offersFor(arch, offers)) {
      const found = unmet.get(offer.requirement) ?? mismatch(offer, node, nodeRequirement);
      if (found === undefined) return { t: "placed", offer, refusals };
      if (found.t === "node-lacks") unmet.set(offer.requirement, found);
      why = found;
    }
    refusals.push({ version, why });
    // The agreement bot gives up at a version that does not exist for the node; it does not pass on to the next.
    if (why.t === "no-service") break;
  }
  return { t: "none", refusals };
}

/** An offer that is for no architecture in particular stands in where there is none for the node's own. */
function offersFor(arch: string | undefined, offers: readonly Offer[]): readonly Offer[] {
  if (arch === undefined) return offers;
  const own = offers.filter((offer) => offer.arch === arch);
  return own.length > 0 ? own : offers.filter((offer) => offer.arch === undefined);
}
