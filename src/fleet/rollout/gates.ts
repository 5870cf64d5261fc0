/** Whether a version, a model or settings may go on to more rings: only if they have proven themselves where they are. Pure. */

import type { PublishedObject } from "./hub.js";
import {
  DEFAULT_THRESHOLDS,
  type FleetNode,
  isSilent,
  type RolloutNode,
  ringOf,
} from "./node-state.js";
import { covers, isInRings, type Rings, type Rollout } from "./rollout-state.js";

export interface Gate {
  /** How many nodes have proven the new version. */
  readonly proven: number;
  /** Nodes of its rings without heartbeats: they do not count. */
  readonly silent: readonly RolloutNode[];
  /** All other nodes of its rings. */
  readonly unproven: readonly RolloutNode[];
  /** Why it may not go on; undefined: it may. */
  readonly blocked: string | undefined;
}

/** @param mayFail how many nodes may be unproven, whose trouble is known to be their own */
export function versionGate(
  { newer }: Extract<Rollout, { t: "in progress" }>,
  nodes: readonly RolloutNode[],
  mayFail: number,
): Gate {
  const [version = ""] = newer.versions;
  const own = nodes.filter(
    ({ target, contested }) => target?.policy.name === newer.name && !contested,
  );
  const silent = own.filter(({ state }) => state.t === "silent");
  const isProven = ({ state }: RolloutNode) => state.t === "proven" && state.version === version;
  const proven = own.filter(isProven).length;
  const unproven = own.filter((node) => !isProven(node) && node.state.t !== "silent");
  const gate = { proven, silent, unproven };
  if (unproven.length > mayFail) {
    const have = unproven.length === 1 ? "1 node has" : `${unproven.length} nodes have`;
    return { ...gate, blocked: `${have} not proven ${version}, and MAY_FAIL is ${mayFail}` };
  }
  return { ...gate, blocked: proven === 0 ? `no node has proven ${version} yet` : undefined };
}

/** How a model or a settings document fares on the nodes of its rings. Nodes by name. */
export interface ObjectState {
  readonly object: PublishedObject;
  readonly passed: readonly string[];
  /** Nodes without heartbeats: they do not count. */
  readonly silent: readonly string[];
  /** All others, and what they say of it. */
  readonly notPassed: readonly (readonly [node: string, why: string])[];
}

export function objectState(
  object: PublishedObject,
  nodes: readonly FleetNode[],
  nowMs: number,
): ObjectState {
  const { rings } = object;
  const passed: string[] = [];
  const silent: string[] = [];
  const notPassed: (readonly [node: string, why: string])[] = [];
  for (const node of nodes) {
    const ring = ringOf(node);
    const { id } = node.policy;
    if (ring === undefined || rings === undefined || !isInRings(ring, rings)) continue;
    const why = whyNotPassed(object, node);
    if (isSilent(node, nowMs, DEFAULT_THRESHOLDS)) silent.push(id);
    else if (why === undefined) passed.push(id);
    else notPassed.push([id, why]);
  }
  return { object, passed, silent, notPassed };
}

/** Undefined: it has passed there. */
function whyNotPassed({ type, id, instance }: PublishedObject, { report }: FleetNode) {
  if (report === undefined) return "has not reported";
  const object = report.objects.find((one) => one.type === type && one.id === id);
  if (object === undefined || object.instance !== instance) return "has not received it yet";
  const { state, reason } = object;
  switch (state) {
    case "passed":
      return undefined;
    case "accepted":
      return "has received it, and does not use it";
    case "on trial":
      return "has it on trial";
    case "failed":
    case "refused":
      return `${state}: ${reason ?? ""}`;
    case "unknown":
      return "reports a state that is not known here";
    default:
      return state satisfies never;
  }
}

/** Objects with the same data that are already published to fewer rings than this one is to have. */
export function canariesOf(
  sha256: string,
  rings: Rings,
  objects: readonly PublishedObject[],
): PublishedObject[] {
  return objects.filter(
    (one) =>
      one.sha256 === sha256 &&
      one.rings !== undefined &&
      covers(rings, one.rings) &&
      !covers(one.rings, rings),
  );
}

/** Why an object may not go on to more rings, as its canaries say; undefined: it may. */
export function objectBlocked(
  canaries: readonly ObjectState[],
  mayFail: number,
): string | undefined {
  const notPassed = canaries.flatMap((one) => one.notPassed).length;
  if (notPassed > mayFail) {
    const nodes = notPassed === 1 ? "1 node" : `${notPassed} nodes`;
    return `it has not passed on ${nodes}, and MAY_FAIL is ${mayFail}`;
  }
  return canaries.every(({ passed }) => passed.length === 0)
    ? "it has passed on no node yet"
    : undefined;
}
