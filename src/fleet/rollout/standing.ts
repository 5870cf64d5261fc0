/** How a node stands in a rollout, from what the Exchange knows of it. Pure. */

import type { NodeReport } from "../../common/hub/node-report.js";
import type { Fault } from "../../common/json/document.js";
import { RING } from "../node-policy/properties.js";
import { parseConstraint } from "../policy/constraint.js";
import type { Catalogue } from "../policy/offer.js";
import { makeDeployment } from "../policy/offer.js";
import { archOf, place } from "../policy/placement.js";
import { type NodePolicy, readDeploymentPolicy } from "../policy/policy.js";
import { findProperty } from "../policy/property.js";
import { RolloutError, type Share } from "./shares.js";

/** A node as the Exchange has it. */
export interface FleetNode {
  readonly policy: NodePolicy;
  /** Undefined: it never spoke. */
  readonly heardMs: number | undefined;
  /** What runs of the service; undefined: nothing. */
  readonly running: Running | undefined;
  /** What it said last of itself; undefined: nothing. */
  readonly report: NodeReport | undefined;
}

export interface Running {
  readonly version: string;
  readonly containers: readonly Container[];
  /** Containers of the definition that are not there. */
  readonly missing: readonly string[];
  /** When the Exchange last heard that something about it was another. Its clock is right, a node's may not be. */
  readonly changedMs: number;
}

export interface Container {
  /** Without the agreement's id in front. */
  readonly name: string;
  /** Docker's word, such as running or restarting. */
  readonly state: string;
  readonly createdMs: number;
}

export type Standing =
  /** No policy is for it. */
  | { readonly t: "not meant" }
  /** It runs what it is meant to, and says that this has passed its trial there. */
  | { readonly t: "proven"; readonly version: string }
  | {
      readonly t: "on trial";
      readonly version: string;
      /** no report: it has said nothing since the containers were made. */
      readonly why: "no report" | "trial" | "patience";
      readonly leftMs: number;
    }
  /** It runs on, having failed its trial. */
  | { readonly t: "failed"; readonly version: string; readonly reason: string }
  /** There are no trials on the node. */
  | { readonly t: "untried"; readonly version: string }
  /** What Horizon calls a version says that it is another: nothing was on trial. */
  | { readonly t: "other version"; readonly version: string; readonly says: string }
  /** It still runs what it ran before the policy changed. */
  | { readonly t: "waiting"; readonly version: string }
  /** It has come back to an older version since the policy changed. */
  | { readonly t: "rolled back"; readonly version: string; readonly reason: string }
  | {
      readonly t: "unsteady";
      readonly version: string;
      readonly container: string;
      readonly state: string;
    }
  /** It is meant to run something, and nothing does. */
  | { readonly t: "empty" }
  /** What it runs is hearsay. */
  | { readonly t: "silent"; readonly sinceMs: number | undefined };

export interface Placed {
  readonly id: string;
  readonly ring: number | undefined;
  /** The policy that it belongs to, and what it is meant to run; undefined: none. */
  readonly meant: { readonly share: Share; readonly version: string } | undefined;
  /** More than one policy is for it, since a change was cut off: it keeps what it has. */
  readonly contested: boolean;
  /** Undefined: nothing. */
  readonly runs: string | undefined;
  readonly report: NodeReport | undefined;
  readonly standing: Standing;
}

export interface Patience {
  /** So long a version runs besides having passed its trial. */
  readonly provenMs: number;
  /** A node that was not heard of for so long is silent. */
  readonly silentMs: number;
}

export const PATIENCE: Patience = { provenMs: 0, silentMs: 10 * 60_000 };

/** @throws RolloutError for a policy that does not say what Horizon reads */
export function standings(
  nodes: readonly FleetNode[],
  shares: readonly Share[],
  catalogue: Catalogue,
  nowMs: number,
  patience: Patience,
): Placed[] {
  const deployments = shares.map((share) => ({
    share,
    deployment: deploymentOf(share, catalogue),
  }));
  return nodes.map((node) => {
    const { policy } = node;
    const [meant, ...others] = deployments.flatMap(({ share, deployment }) => {
      const placement = place(deployment, policy, archOf(policy));
      return placement.t === "placed" ? [{ share, version: placement.offer.version }] : [];
    });
    const ring = findProperty(policy.properties, RING)?.value;
    return {
      id: policy.id,
      ring: typeof ring === "number" ? ring : undefined,
      meant,
      contested: others.length > 0,
      runs: node.running?.version,
      report: node.report,
      standing: standing(node, meant, nowMs, patience),
    };
  });
}

function deploymentOf(share: Share, catalogue: Catalogue) {
  const faults: Fault[] = [];
  const parse = (text: string) => parseConstraint(text);
  const policy = readDeploymentPolicy(share.name, share.body, parse, faults);
  const [fault] = faults;
  if (fault !== undefined) {
    throw new RolloutError(`${share.name}: ${fault.path.join(".")}: ${fault.message}`);
  }
  return makeDeployment(policy, catalogue);
}

function standing(
  { heardMs, running, report }: FleetNode,
  meant: Placed["meant"],
  nowMs: number,
  { provenMs, silentMs }: Patience,
): Standing {
  if (meant === undefined) return { t: "not meant" };
  if (heardMs === undefined || nowMs - heardMs > silentMs) return { t: "silent", sinceMs: heardMs };
  if (running === undefined || running.containers.length === 0) return { t: "empty" };
  const { version, containers, missing, changedMs } = running;
  const startedMs = Math.max(...containers.map(({ createdMs }) => createdMs));
  if (version !== meant.version) {
    const isBack = meant.share.versions.includes(version) && startedMs > meant.share.changedMs;
    if (!isBack) return { t: "waiting", version };
    const failure = report?.failed.find((one) => one.version === meant.version);
    return { t: "rolled back", version, reason: failure?.reason ?? "it has not said why" };
  }
  const [gone] = missing;
  if (gone !== undefined) return { t: "unsteady", version, container: gone, state: "not there" };
  const other = containers.find(({ state }) => state !== "running");
  if (other !== undefined) {
    return { t: "unsteady", version, container: other.name, state: other.state };
  }
  const onTrial = { t: "on trial", version, leftMs: 0 } as const;
  // Both times are of the node's own clock.
  if (report === undefined || Date.parse(report.at) < startedMs) {
    return { ...onTrial, why: "no report" };
  }
  if (report.version !== version) return { t: "other version", version, says: report.version };
  const { state, reason = "" } = report.trial;
  switch (state) {
    case "passed": {
      const leftMs = Math.max(startedMs, changedMs) + provenMs - nowMs;
      return leftMs > 0 ? { ...onTrial, why: "patience", leftMs } : { t: "proven", version };
    }
    case "failed":
      return { t: "failed", version, reason };
    case "off":
      return { t: "untried", version };
    case "on trial":
    case "unknown":
      return { ...onTrial, why: "trial" };
    default:
      return state satisfies never;
  }
}
