/** What canary, promote and rollback change: steps in an order that never leaves a node without a policy. Pure. */

import type { JsonObject } from "../../common/json/document.js";
import {
  ALL_RINGS,
  bodyWithRings,
  covers,
  displayRings,
  policiesOf,
  type Rings,
  type Rollout,
  RolloutError,
  type RolloutPolicy,
  withoutFirstVersion,
  withRings,
} from "./rollout-state.js";

/** One request to the Exchange. */
export type Step =
  | { readonly t: "create"; readonly policy: RolloutPolicy }
  | { readonly t: "replace"; readonly from: RolloutPolicy; readonly policy: RolloutPolicy }
  | { readonly t: "delete"; readonly policy: RolloutPolicy };

export interface RolloutPlan {
  readonly steps: readonly Step[];
  /** The policies that there are then. */
  readonly policies: readonly RolloutPolicy[];
}

export interface Canary {
  readonly version: string;
  /** The last ring that gets it. */
  readonly ring: number;
  /** The deployment policy file, with this version first and the old one after it. */
  readonly template: (version: string, old: string) => JsonObject;
  /** The names that the two policies use in turn. */
  readonly names: readonly [string, string];
}

/** A new version for the first rings; the others keep what they run. */
export function canary(rollout: Rollout, { version, ring, template, names }: Canary): RolloutPlan {
  const rings: Rings = { t: "up-to", ring };
  const rest: Rings = { t: "above", ring };
  switch (rollout.t) {
    case "none":
      throw new RolloutError("nothing is published yet: start with make publish");
    case "in progress": {
      const { newer, older } = rollout;
      const [running] = newer.versions;
      if (running === version && newer.rings.t === "up-to" && newer.rings.ring === ring) {
        // It was interrupted: only what is missing is done.
        return planTo(rollout, [newer, withRings(older, rest)]);
      }
      throw new RolloutError(
        `${running} is being rolled out to ${displayRings(newer.rings)}: finish it with make promote RING=..., or make rollback first`,
      );
    }
    case "settled": {
      const { policy: older } = rollout;
      const running = currentVersion(older, version);
      if (older.rings.t !== "all") {
        throw new RolloutError(
          `${older.name} covers only ${displayRings(older.rings)}: give ${running} to all first, with make publish-deployment-policy ROLLOUT_RINGS='>= 0'`,
        );
      }
      const [one, other] = names;
      const newer: RolloutPolicy = {
        name: older.name === one ? other : one,
        body: bodyWithRings(template(version, running), rings),
        versions: [version, running],
        rings,
        changedMs: older.changedMs,
      };
      return planTo(rollout, [newer, withRings(older, rest)]);
    }
    case "rolled back": {
      const running = currentVersion(rollout.rest, version);
      const body = bodyWithRings(template(version, running), rings);
      const newer = { ...rollout.first, body, versions: [version, running], rings };
      return planTo(rollout, [newer, withRings(rollout.rest, rest)]);
    }
    default:
      return rollout satisfies never;
  }
}

function currentVersion({ versions: [running] }: RolloutPolicy, version: string): string {
  if (running !== undefined && running !== version) return running;
  throw new RolloutError(`${version} is already the version for all nodes`);
}

/** More rings for the new version. `all`: it is the only one from then on. */
export function promote(rollout: Rollout, ring: number | "all"): RolloutPlan {
  if (rollout.t !== "in progress") {
    throw new RolloutError("no rollout is in progress: start one with make canary VERSION=...");
  }
  const { newer, older } = rollout;
  if (ring === "all") return planTo(rollout, [withRings(newer, ALL_RINGS)]);
  const current = newer.rings.t === "up-to" ? newer.rings.ring : Infinity;
  // The same ring again finishes a promotion that was interrupted.
  const isDone = older.rings.t === "above" && older.rings.ring === ring;
  if (ring < current || (ring === current && isDone)) {
    throw new RolloutError(
      `${newer.versions[0]} already has ${displayRings(newer.rings)}: set RING to a later ring, or to all`,
    );
  }
  return planTo(rollout, [
    withRings(newer, { t: "up-to", ring }),
    withRings(older, { t: "above", ring }),
  ]);
}

/**
 * The old version for all again; if no rollout is in progress, the version that the policy names next. A node that has rolled
 * back by itself keeps its agreement, which is under the new version's policy: that policy stays, without the new version.
 */
export function rollback(rollout: Rollout): RolloutPlan {
  switch (rollout.t) {
    case "none":
      throw new RolloutError("nothing is published: there is nothing to roll back");
    case "in progress": {
      const { newer, older } = rollout;
      // The canary was interrupted: the old policy still covers all nodes.
      if (older.rings.t !== "above") return planTo(rollout, [older]);
      const rings: Rings = { t: "up-to", ring: older.rings.ring };
      return planTo(rollout, [withoutFirstVersion(withRings(newer, rings)), older]);
    }
    case "rolled back":
      throw new RolloutError(`${rollout.rest.versions[0]} is already the version for all nodes`);
    case "settled": {
      const { policy } = rollout;
      const [bad, ...others] = policy.versions;
      if (others.length === 0) {
        throw new RolloutError(`${policy.name} names no version to roll back to from ${bad}`);
      }
      return planTo(rollout, [withoutFirstVersion(policy)]);
    }
    default:
      return rollout satisfies never;
  }
}

/**
 * Policies that get more rings come first. If the change is interrupted, nodes are left with two policies, of which Horizon
 * keeps the one that they have, and never with none.
 */
function planTo(rollout: Rollout, policies: readonly RolloutPolicy[]): RolloutPlan {
  const before = policiesOf(rollout);
  const changes = policies.flatMap((policy): Step[] => {
    const from = before.find(({ name }) => name === policy.name);
    if (from === undefined) return [{ t: "create", policy }];
    return from === policy ? [] : [{ t: "replace", from, policy }];
  });
  const loses = (step: Step) =>
    step.t === "replace" && !covers(step.policy.rings, step.from.rings) ? 1 : 0;
  const gone = before.filter(({ name }) => !policies.some((policy) => policy.name === name));
  const deletions = gone.map((policy): Step => ({ t: "delete", policy }));
  return { steps: [...changes.sort((a, b) => loses(a) - loses(b)), ...deletions], policies };
}

export function displayStep(step: Step): string {
  switch (step.t) {
    case "create":
      return `create ${step.policy.name}: ${displayPolicy(step.policy)}`;
    case "replace":
      return `change ${step.policy.name}: ${displayPolicy(step.policy)}; was ${displayPolicy(step.from)}`;
    case "delete":
      return `delete ${step.policy.name}: ${displayPolicy(step.policy)}`;
    default:
      return step satisfies never;
  }
}

/** `2.0.0 (fallback 1.0.0) for rings <= 1`. */
export function displayPolicy({ versions, rings }: RolloutPolicy): string {
  const [first = "nothing", ...rest] = versions;
  const fallback = rest.length === 0 ? "" : ` (fallback ${rest.join(", ")})`;
  return `${first}${fallback} for ${displayRings(rings)}`;
}
