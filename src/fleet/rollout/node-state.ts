/** How a rollout goes on each node, from what the Exchange and the node's own report say. Pure. */

import type { NodeReport } from "../../common/hub/node-report.js";
import { displayPath } from "../../common/json/document.js";
import { RING } from "../node-policy/properties.js";
import { parseConstraint } from "../policy/constraint-parser.js";
import { archOf, type Catalogue, makeDeployment, place } from "../policy/placement.js";
import { type NodePolicy, readDeploymentPolicy } from "../policy/policies.js";
import { findProperty } from "../policy/property.js";
import { RolloutError, type RolloutPolicy } from "./rollout-state.js";

/** A node as the hub knows it. */
export interface FleetNode {
  readonly policy: NodePolicy;
  /** When it sent its last heartbeat; undefined: never. */
  readonly heartbeatMs: number | undefined;
  /** What runs of the service; undefined: nothing. */
  readonly running: Running | undefined;
  /** What it reported last; undefined: nothing. */
  readonly report: NodeReport | undefined;
}

export interface Running {
  readonly version: string;
  readonly containers: readonly Container[];
  /** Containers of the service definition that do not exist on the node. */
  readonly missing: readonly string[];
  /** When the Exchange last saw a change. By its own clock, which is right; a node's may not be. */
  readonly changedMs: number;
}

export interface Container {
  /** Without the id of the agreement in front. */
  readonly name: string;
  /** Docker's state, such as running or restarting. */
  readonly state: string;
  readonly createdMs: number;
}

export type NodeState =
  /** No deployment policy covers it. */
  | { readonly t: "no policy" }
  /** It runs its target version, and reports that this has passed its trial there. */
  | { readonly t: "proven"; readonly version: string }
  | {
      readonly t: "on trial";
      readonly version: string;
      /** no report: none since the containers were created. probation: PROVEN_AFTER is not over. */
      readonly why: "no report" | "trial" | "probation";
      readonly leftMs: number;
    }
  /** It keeps running, although it failed its trial. */
  | { readonly t: "failed"; readonly version: string; readonly reason: string }
  /** Trials are off on the node. */
  | { readonly t: "no trial"; readonly version: string }
  /** The image that is published under a version reports another one, so that nothing was on trial. */
  | { readonly t: "wrong version"; readonly version: string; readonly reported: string }
  /** It still runs what it ran before the policy changed. */
  | { readonly t: "pending"; readonly version: string }
  /** It has returned to an older version since the policy changed. */
  | { readonly t: "rolled back"; readonly version: string; readonly reason: string }
  | {
      readonly t: "degraded";
      readonly version: string;
      readonly container: string;
      readonly state: string;
    }
  /** It has a target version, and runs nothing. */
  | { readonly t: "not running" }
  /** Without heartbeats nobody knows what it runs. */
  | { readonly t: "silent"; readonly sinceMs: number | undefined };

export interface RolloutNode {
  readonly id: string;
  readonly ring: number | undefined;
  /** The policy that covers it, and the version that it should run; undefined: none. */
  readonly target: { readonly policy: RolloutPolicy; readonly version: string } | undefined;
  /** More than one policy covers it, since a change was interrupted: it keeps what it has. */
  readonly contested: boolean;
  /** Undefined: nothing. */
  readonly runs: string | undefined;
  readonly report: NodeReport | undefined;
  readonly state: NodeState;
}

export interface Thresholds {
  /** How long a version must run, besides having passed its trial, to be proven. */
  readonly provenAfterMs: number;
  /** A node without a heartbeat for so long is silent. */
  readonly silentAfterMs: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = { provenAfterMs: 0, silentAfterMs: 10 * 60_000 };

/** @throws RolloutError for a policy that Horizon could not read */
export function rolloutNodes(
  nodes: readonly FleetNode[],
  policies: readonly RolloutPolicy[],
  catalogue: Catalogue,
  nowMs: number,
  thresholds: Thresholds,
): RolloutNode[] {
  const deployments = policies.map((policy) => ({
    policy,
    deployment: deploymentOf(policy, catalogue),
  }));
  return nodes.map((node) => {
    const [target, ...others] = deployments.flatMap(({ policy, deployment }) => {
      const placement = place(deployment, node.policy, archOf(node.policy));
      return placement.t === "placed" ? [{ policy, version: placement.variant.version }] : [];
    });
    return {
      id: node.policy.id,
      ring: ringOf(node),
      target,
      contested: others.length > 0,
      runs: node.running?.version,
      report: node.report,
      state: nodeState(node, target, nowMs, thresholds),
    };
  });
}

export function ringOf({ policy }: FleetNode): number | undefined {
  const ring = findProperty(policy.properties, RING)?.value;
  return typeof ring === "number" ? ring : undefined;
}

export function isSilent(
  { heartbeatMs }: FleetNode,
  nowMs: number,
  { silentAfterMs }: Thresholds,
): boolean {
  return heartbeatMs === undefined || nowMs - heartbeatMs > silentAfterMs;
}

function deploymentOf({ name, body }: RolloutPolicy, catalogue: Catalogue) {
  const policy = readDeploymentPolicy(name, body, {
    report: (path, message) => {
      throw new RolloutError(`${name}: ${displayPath(path)}: ${message}`);
    },
    parse: (text) => parseConstraint(text),
  });
  return makeDeployment(policy, catalogue);
}

function nodeState(
  node: FleetNode,
  target: RolloutNode["target"],
  nowMs: number,
  thresholds: Thresholds,
): NodeState {
  const { heartbeatMs, running, report } = node;
  if (target === undefined) return { t: "no policy" };
  if (isSilent(node, nowMs, thresholds)) return { t: "silent", sinceMs: heartbeatMs };
  if (running === undefined || running.containers.length === 0) return { t: "not running" };
  const { version, containers, missing, changedMs } = running;
  const startedMs = Math.max(...containers.map(({ createdMs }) => createdMs));
  if (version !== target.version) {
    const { versions, changedMs: policyChangedMs } = target.policy;
    const hasReturned = versions.includes(version) && startedMs > policyChangedMs;
    if (!hasReturned) return { t: "pending", version };
    const failure = report?.failed.find((one) => one.version === target.version);
    return { t: "rolled back", version, reason: failure?.reason ?? "no reason reported yet" };
  }
  const [absent] = missing;
  if (absent !== undefined) {
    return { t: "degraded", version, container: absent, state: "missing" };
  }
  const bad = containers.find(({ state }) => state !== "running");
  if (bad !== undefined) {
    return { t: "degraded", version, container: bad.name, state: bad.state };
  }
  const onTrial = { t: "on trial", version, leftMs: 0 } as const;
  // Both times are of the node's own clock.
  if (report === undefined || Date.parse(report.at) < startedMs) {
    return { ...onTrial, why: "no report" };
  }
  if (report.version !== version) {
    return { t: "wrong version", version, reported: report.version };
  }
  const { state, reason = "" } = report.trial;
  switch (state) {
    case "passed": {
      const leftMs = Math.max(startedMs, changedMs) + thresholds.provenAfterMs - nowMs;
      return leftMs > 0 ? { ...onTrial, why: "probation", leftMs } : { t: "proven", version };
    }
    case "failed":
      return { t: "failed", version, reason };
    case "off":
      return { t: "no trial", version };
    case "on trial":
    case "unknown":
      return { ...onTrial, why: "trial" };
    default:
      return state satisfies never;
  }
}
