/**
 * How deployment policies share a fleet between two versions. One policy has all rings; while a new version goes out, a
 * second one has the first rings with the new version, and what remains is the first one's. The two change places with every
 * rollout, so that a node only ever stops for a version that it does not run yet.
 */

import { isObject, type JsonObject } from "../../common/json/document.js";
import { type Rings, ringsOf } from "./rings.js";

/** Something that keeps a rollout from going on, in words for an operator. */
export class RolloutError extends Error {
  override readonly name = "RolloutError";
}

/** A deployment policy as the Exchange has it. */
export interface Share {
  readonly name: string;
  /** What is sent to the Exchange. */
  readonly body: JsonObject;
  /** In the order in which they are tried. */
  readonly versions: readonly string[];
  readonly rings: Rings;
  /** When the Exchange last took it; a share that is only planned changes now. */
  readonly changedMs: number;
}

export type Rollout =
  /** Nothing is published. */
  | { readonly t: "none" }
  /** One version for all. */
  | { readonly t: "settled"; readonly share: Share }
  /** A new version has some rings. */
  | { readonly t: "split"; readonly fresh: Share; readonly old: Share }
  /** A new version was taken back: one version for all, and still two policies, so that no node had to stop for one. */
  | { readonly t: "taken back"; readonly first: Share; readonly rest: Share };

/** @throws RolloutError for policies that were not made by a rollout or by `make publish` */
export function rolloutOf(shares: readonly Share[]): Rollout {
  const [one, other] = shares;
  if (one === undefined) return { t: "none" };
  if (other === undefined) return { t: "settled", share: one };
  // Where a rollout was cut off between two changes, one of the shares has all rings already or still.
  const kinds = `${one.rings.t} ${other.rings.t}`;
  switch (kinds) {
    case "up-to beyond":
    case "up-to all":
    case "all beyond":
      return twoShares(one, other);
    case "beyond up-to":
    case "all up-to":
    case "beyond all":
      return twoShares(other, one);
    default:
      throw new RolloutError(
        `${one.name} and ${other.name} do not say which of them is the new version's: remove one with make remove-deployment-policy`,
      );
  }
}

function twoShares(first: Share, rest: Share): Rollout {
  return first.versions[0] === rest.versions[0]
    ? { t: "taken back", first, rest }
    : { t: "split", fresh: first, old: rest };
}

/** @throws RolloutError where its rings cannot be told */
export function shareOf(name: string, policy: JsonObject, changedMs: number): Share {
  const { constraints } = policy;
  const texts = Array.isArray(constraints) ? constraints.map(String) : [];
  const rings = ringsOf(texts);
  if (rings === undefined) {
    throw new RolloutError(
      `${name} has no constraint that is slipstream.ring with <=, > or >= and a number, and no other on rings`,
    );
  }
  return { name, body: bodyOf(policy), versions: versionsOf(policy), rings, changedMs };
}

/** Lower priority numbers are tried first. */
function versionsOf({ service }: JsonObject): string[] {
  const listed = isObject(service) ? service["serviceVersions"] : undefined;
  const entries = (Array.isArray(listed) ? listed : []).filter(isObject);
  const rank = ({ priority }: JsonObject) =>
    isObject(priority) && typeof priority["priority_value"] === "number"
      ? priority["priority_value"]
      : 0;
  return entries.sort((a, b) => rank(a) - rank(b)).map(({ version }) => String(version));
}

const SENT = [
  "label",
  "description",
  "service",
  "properties",
  "constraints",
  "userInput",
  "secretBinding",
];

/** The Exchange gives out an owner and times as well, and refuses them. */
function bodyOf(policy: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(policy).filter(([key, value]) => SENT.includes(key) && value !== null),
  );
}
