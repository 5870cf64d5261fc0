/**
 * How far a rollout is, read from its deployment policies. One policy covers all rings; while a new version goes out, a second
 * one covers the first rings with the new version, and the first one keeps the rest. The two swap roles with every rollout,
 * so that a node only ever stops for a version that it does not run yet.
 */

import { isObject, type JsonObject } from "../../common/json/document.js";
import { asList, asObject, asObjects } from "../json.js";
import { RING } from "../node-policy/properties.js";

/** What keeps a rollout from going on, as a message for an operator. */
export class RolloutError extends Error {
  override readonly name = "RolloutError";
}

/** The rings that a deployment policy covers, as its one constraint on `slipstream.ring` says. */
export type Rings =
  /** Every node that has a ring. */
  | { readonly t: "all" }
  /** This ring and those before it. */
  | { readonly t: "up-to"; readonly ring: number }
  /** The rings after this one. */
  | { readonly t: "above"; readonly ring: number };

/** A deployment policy as the Exchange has it. */
export interface RolloutPolicy {
  readonly name: string;
  /** What is sent to the Exchange. */
  readonly body: JsonObject;
  /** In the order in which they are tried. */
  readonly versions: readonly string[];
  readonly rings: Rings;
  /** When the Exchange last changed it; a policy that is only planned changes now. */
  readonly changedMs: number;
}

export type Rollout =
  /** Nothing is published. */
  | { readonly t: "none" }
  /** One version for all. */
  | { readonly t: "settled"; readonly policy: RolloutPolicy }
  /** A new version has some rings. */
  | { readonly t: "in progress"; readonly newer: RolloutPolicy; readonly older: RolloutPolicy }
  /** One version for all, but still two policies, so that no node had to stop because of the rollback. */
  | { readonly t: "rolled back"; readonly first: RolloutPolicy; readonly rest: RolloutPolicy };

/** @throws RolloutError for policies that neither a rollout nor `make publish` made */
export function rolloutOf(policies: readonly RolloutPolicy[]): Rollout {
  const [one, other] = policies;
  if (one === undefined) return { t: "none" };
  if (other === undefined) return { t: "settled", policy: one };
  // If a rollout was interrupted between two changes, one of the policies already or still covers all rings.
  switch (`${one.rings.t} ${other.rings.t}`) {
    case "up-to above":
    case "up-to all":
    case "all above":
      return twoPolicies(one, other);
    case "above up-to":
    case "all up-to":
    case "above all":
      return twoPolicies(other, one);
    default:
      throw new RolloutError(
        `the rings of ${one.name} and ${other.name} do not tell which of them has the new version: remove one with make remove-deployment-policy`,
      );
  }
}

function twoPolicies(first: RolloutPolicy, rest: RolloutPolicy): Rollout {
  return first.versions[0] === rest.versions[0]
    ? { t: "rolled back", first, rest }
    : { t: "in progress", newer: first, older: rest };
}

export function policiesOf(rollout: Rollout): readonly RolloutPolicy[] {
  switch (rollout.t) {
    case "none":
      return [];
    case "settled":
      return [rollout.policy];
    case "in progress":
      return [rollout.newer, rollout.older];
    case "rolled back":
      return [rollout.first, rollout.rest];
    default:
      return rollout satisfies never;
  }
}

/** What hzn and `make publish` send of a policy. The Exchange adds an owner and times to it, which it refuses if sent. */
const SENT = [
  ...["label", "description", "service", "properties", "constraints", "userInput", "secretBinding"],
];

/** @throws RolloutError if its rings cannot be told */
export function readRolloutPolicy(
  name: string,
  policy: JsonObject,
  changedMs: number,
): RolloutPolicy {
  const rings = parseRings(asList(policy["constraints"]).map(String));
  if (rings === undefined) {
    throw new RolloutError(
      `${name} needs exactly one constraint on rings: slipstream.ring with <=, > or >= and a number`,
    );
  }
  const sent = Object.entries(policy).filter(
    ([key, value]) => SENT.includes(key) && value !== null,
  );
  return { name, body: Object.fromEntries(sent), versions: versionsOf(policy), rings, changedMs };
}

/** Lower priority numbers are tried first. */
function versionsOf({ service }: JsonObject): string[] {
  const rank = ({ priority }: JsonObject) => {
    const value = asObject(priority)["priority_value"];
    return typeof value === "number" ? value : 0;
  };
  return asObjects(asObject(service)["serviceVersions"])
    .sort((a, b) => rank(a) - rank(b))
    .map(({ version }) => String(version));
}

/** The body that `hzn exchange deployment addpolicy` sends for a policy file. */
export function policyRequestBody(policy: JsonObject): JsonObject {
  const { service, properties, secretBinding, ...rest } = policy;
  const bindings = asObjects(secretBinding);
  return {
    ...rest,
    ...(asObjects(properties).length === 0 ? {} : { properties }),
    // Where hzn sends an empty object, the Exchange would fill in defaults of its own.
    service: {
      nodeHealth: {},
      ...asObject(service),
      serviceVersions: asObjects(asObject(service)["serviceVersions"]).map((version) => ({
        priority: {},
        upgradePolicy: {},
        ...version,
      })),
    },
    ...(bindings.length === 0
      ? {}
      : { secretBinding: bindings.map((one) => ({ enableNodeLevelSecrets: false, ...one })) }),
  };
}

export const ALL_RINGS: Rings = { t: "all" };

/** Undefined: the constraints do not mention rings, or not in the form that a rollout writes. */
export function parseRings(constraints: readonly string[]): Rings | undefined {
  const [own, ...others] = constraints.filter((text) => text.includes(RING));
  const [, operator, number] = /^slipstream\.ring (<=|>|>=) (\d+)$/.exec(own?.trim() ?? "") ?? [];
  if (others.length > 0 || number === undefined) return undefined;
  const ring = Number(number);
  switch (operator) {
    case "<=":
      return { t: "up-to", ring };
    case ">":
      return { t: "above", ring };
    default:
      return ring === 0 ? ALL_RINGS : { t: "above", ring: ring - 1 };
  }
}

/** The policy with other rings; the same object if nothing changes. */
export function withRings(policy: RolloutPolicy, rings: Rings): RolloutPolicy {
  if (covers(policy.rings, rings) && covers(rings, policy.rings)) return policy;
  return { ...policy, rings, body: bodyWithRings(policy.body, rings) };
}

/** The body with these rings in place of those that it had. */
export function bodyWithRings(body: JsonObject, rings: Rings): JsonObject {
  const constraints = asList(body["constraints"]).map(String);
  const kept = constraints.filter((text) => !text.includes(RING));
  return { ...body, constraints: [...kept, ringConstraint(rings)] };
}

export function ringConstraint(rings: Rings): string {
  return `${RING} ${comparison(rings)}`;
}

export function displayRings(rings: Rings): string {
  return rings.t === "all" ? "all rings" : `rings ${comparison(rings)}`;
}

function comparison(rings: Rings): string {
  switch (rings.t) {
    case "all":
      return ">= 0";
    case "up-to":
      return `<= ${rings.ring}`;
    case "above":
      return `> ${rings.ring}`;
    default:
      return rings satisfies never;
  }
}

export function isInRings(ring: number, rings: Rings): boolean {
  return rings.t === "all" || (rings.t === "up-to" ? ring <= rings.ring : ring > rings.ring);
}

/** Whether the rings contain all of the others. */
export function covers(rings: Rings, others: Rings): boolean {
  if (rings.t === "all") return true;
  if (rings.t !== others.t) return false;
  return rings.t === "up-to" ? rings.ring >= others.ring : rings.ring <= others.ring;
}

/** The policy without the version that it tries first. */
export function withoutFirstVersion(policy: RolloutPolicy): RolloutPolicy {
  const [bad, ...versions] = policy.versions;
  const { service } = policy.body;
  const own = asObject(service);
  const serviceVersions = asList(own["serviceVersions"]).filter(
    (entry) => !isObject(entry) || entry["version"] !== bad,
  );
  const label = isObject(service) ? `${own["name"]} ${versions[0]}` : "";
  return {
    ...policy,
    versions,
    body: { ...policy.body, label, service: { ...own, serviceVersions } },
  };
}
