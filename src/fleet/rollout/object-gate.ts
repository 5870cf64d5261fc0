/**
 * Models and settings of the hub: how each fares on the nodes that have it, and whether it may go on to more rings. The same
 * gate as for versions: only where the nodes that have it say that it has passed its trial. Pure.
 */

import { RING } from "../node-policy/properties.js";
import { findProperty } from "../policy/property.js";
import { isWider, type Rings } from "./rings.js";
import { type FleetNode, PATIENCE } from "./standing.js";
import type { PublishedObject } from "./sync-service.js";

export interface ObjectStanding {
  readonly object: PublishedObject;
  /** Names of nodes. */
  readonly passed: readonly string[];
  /** Nodes that the Exchange has not heard of lately. */
  readonly silent: readonly string[];
  /** All others, and what is so there, in words. */
  readonly against: readonly (readonly [node: string, why: string])[];
}

export function objectStanding(
  object: PublishedObject,
  nodes: readonly FleetNode[],
  nowMs: number,
): ObjectStanding {
  const { rings } = object;
  const own = nodes.filter(({ policy }) => {
    const ring = findProperty(policy.properties, RING)?.value;
    return typeof ring === "number" && rings !== undefined && isIn(ring, rings);
  });
  const isSilent = ({ heardMs }: FleetNode) =>
    heardMs === undefined || nowMs - heardMs > PATIENCE.silentMs;
  const told = own.filter((node) => !isSilent(node));
  const said = told.map((node) => [node.policy.id, wordsOf(object, node)] as const);
  return {
    object,
    passed: said.flatMap(([id, why]) => (why === undefined ? [id] : [])),
    silent: own.filter(isSilent).map(({ policy }) => policy.id),
    against: said.flatMap(([id, why]) => (why === undefined ? [] : [[id, why] as const])),
  };
}

/** Undefined: it has passed there. */
function wordsOf({ type, id, instance }: PublishedObject, { report }: FleetNode) {
  if (report === undefined) return "has said nothing";
  const object = report.objects.find((one) => one.type === type && one.id === id);
  if (object === undefined || object.instance !== instance) return "has not got it yet";
  const { state, reason } = object;
  switch (state) {
    case "passed":
      return undefined;
    case "accepted":
      return "has it, and does not use it";
    case "on trial":
      return "has it on trial";
    case "failed":
    case "refused":
      return `${state}: ${reason ?? ""}`;
    case "unknown":
      return "says something that is not known here";
    default:
      return state satisfies never;
  }
}

function isIn(ring: number, rings: Rings): boolean {
  switch (rings.t) {
    case "all":
      return true;
    case "up-to":
      return ring <= rings.ring;
    case "beyond":
      return ring > rings.ring;
    default:
      return rings satisfies never;
  }
}

/** What is out already with the same data, in fewer rings than it is to have. */
export function canariesOf(
  sha256: string,
  rings: Rings,
  objects: readonly PublishedObject[],
): PublishedObject[] {
  return objects.filter(
    (one) =>
      one.sha256 === sha256 &&
      one.rings !== undefined &&
      isWider(one.rings, rings) &&
      !isWider(rings, one.rings),
  );
}

/** Why it may not go on; undefined: it may. */
export function closedBy(
  { passed, against }: Pick<ObjectStanding, "passed" | "against">,
  mayFail: number,
): string | undefined {
  if (against.length > mayFail) {
    const nodes = against.length === 1 ? "1 node" : `${against.length} nodes`;
    return `it has not passed on ${nodes}, and MAY_FAIL is ${mayFail}`;
  }
  return passed.length === 0 ? "it has passed on no node yet" : undefined;
}
