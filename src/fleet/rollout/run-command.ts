/** The commands of a rollout: each reads the hub, prints what it would change, and changes it once that is confirmed. */

import { MODEL_TYPE, SETTINGS_TYPE } from "../../common/hub/object.js";
import type { JsonObject } from "../../common/json/document.js";
import { asObjects } from "../json.js";
import {
  attentionLines,
  gateText,
  type NodeRow,
  nodeRow,
  nodeTable,
  objectGateText,
  objectTable,
  planText,
  ringTable,
  rolloutText,
} from "./fleet-report.js";
import { canariesOf, objectBlocked, objectState, versionGate } from "./gates.js";
import type { Exchange, Hub, PublishedObject } from "./hub.js";
import { type FleetNode, type RolloutNode, rolloutNodes, type Thresholds } from "./node-state.js";
import { type PublishedVersions, readFleet, readPublished, readRollout } from "./read-fleet.js";
import { canary, promote, type RolloutPlan, rollback, type Step } from "./rollout-plan.js";
import {
  policiesOf,
  type Rings,
  type Rollout,
  RolloutError,
  type RolloutPolicy,
} from "./rollout-state.js";

export type Command =
  | { readonly t: "status" }
  | { readonly t: "canary"; readonly version: string; readonly ring: number }
  | { readonly t: "promote"; readonly ring: number | "all"; readonly mayFail: number }
  | { readonly t: "rollback" };

/** What is needed to read the state of a fleet. */
export interface FleetContext extends Hub {
  /** The service's name. */
  readonly service: string;
  /** The names that the two deployment policies use in turn. */
  readonly names: readonly [string, string];
  readonly nowMs: number;
  readonly thresholds: Thresholds;
}

export interface RolloutContext extends FleetContext {
  /** The deployment policy file for a version, with the one to fall back to. */
  readonly template: (version: string, old: string) => JsonObject;
  readonly print: (text: string) => void;
  /** Called after everything is printed. False: nothing may be changed. */
  readonly confirm: () => Promise<boolean>;
}

const NO_REPORTS =
  "HZN_FSS_CSSURL is not set: without the reports of the nodes, which are there, no version is proven";

/** The fleet as the hub knows it. */
interface Fleet {
  readonly rollout: Rollout;
  readonly published: PublishedVersions;
  readonly nodes: readonly FleetNode[];
  /** Models and settings that are published. */
  readonly objects: readonly PublishedObject[];
}

/** @throws RolloutError if the state of the rollout does not allow it, HubError if the hub does not */
export async function runCommand(command: Command, context: RolloutContext): Promise<void> {
  const { print, nowMs } = context;
  const fleet = await readHub(context);
  const { rollout } = fleet;
  const nodes = nodesUnder(fleet, policiesOf(rollout), context);
  if (context.sync === undefined) print(NO_REPORTS);
  if (command.t === "status") {
    const parts = [rolloutText(rollout), ringTable(nodes), nodeTable(nodes)];
    print(paragraphs(...parts, objectsText(fleet, nowMs)));
    const lines = attentionLines(nodes, nowMs);
    if (lines.length > 0) print(`\n${lines.join("\n")}`);
    return;
  }
  const plan = planOf(command, fleet, context);
  print(planText(plan, nodes, nodesUnder(fleet, plan.policies, context)));
  if (command.t === "promote" && rollout.t === "in progress") {
    const gate = versionGate(rollout, nodes, command.mayFail);
    print(gateText(gate, nowMs));
    if (gate.blocked !== undefined) throw new RolloutError(`not promoted: ${gate.blocked}`);
  }
  if (!(await context.confirm())) return;
  for (const step of plan.steps) await send(step, context.exchange);
  print("done; nodes follow within minutes: make fleet-status");
}

/**
 * Checks whether a model or a settings document may be published to these rings. One that is published nowhere yet may go
 * anywhere.
 *
 * @throws RolloutError while it is on trial in narrower rings, or if it has failed there
 */
export async function checkObjectGate(
  { type, sha256, rings }: { type: string; sha256: string; rings: Rings },
  mayFail: number,
  context: Hub & Pick<RolloutContext, "service" | "nowMs" | "print">,
): Promise<void> {
  const { exchange, sync, service, nowMs, print } = context;
  const canaries = canariesOf(sha256, rings, (await sync?.objects(type)) ?? []);
  if (sync === undefined || canaries.length === 0) return;
  const nodes = await readFleet(exchange, service, new Map(), await sync.reports());
  const states = canaries.map((one) => objectState(one, nodes, nowMs));
  for (const state of states) print(objectGateText(state));
  const blocked = objectBlocked(states, mayFail);
  if (blocked !== undefined) throw new RolloutError(`not published: ${blocked}`);
}

/** A row for each node of the fleet, and the summary that `make fleet-status` prints above them. */
export async function fleetOverview(
  context: FleetContext,
): Promise<{ readonly rows: readonly NodeRow[]; readonly summary: string }> {
  const fleet = await readHub(context);
  const nodes = nodesUnder(fleet, policiesOf(fleet.rollout), context);
  const warning = context.sync === undefined ? NO_REPORTS : "";
  const parts = [warning, rolloutText(fleet.rollout), ringTable(nodes)];
  const summary = paragraphs(...parts, objectsText(fleet, context.nowMs));
  return { rows: nodes.map(nodeRow), summary };
}

function paragraphs(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}

function objectsText({ objects, nodes }: Fleet, nowMs: number): string {
  return objectTable(objects.map((one) => objectState(one, nodes, nowMs)));
}

async function readHub({ exchange, sync, names, service }: FleetContext): Promise<Fleet> {
  const [rollout, published, reports, models, settings] = await Promise.all([
    readRollout(exchange, names),
    readPublished(exchange, service),
    sync?.reports() ?? new Map(),
    sync?.objects(MODEL_TYPE) ?? [],
    sync?.objects(SETTINGS_TYPE) ?? [],
  ]);
  const nodes = await readFleet(exchange, service, published.containers, reports);
  return { rollout, published, nodes, objects: [...models, ...settings] };
}

/** The nodes as they stand under these policies. */
function nodesUnder(
  { nodes, published }: Fleet,
  policies: readonly RolloutPolicy[],
  { nowMs, thresholds }: FleetContext,
): RolloutNode[] {
  return rolloutNodes(nodes, policies, published.catalogue, nowMs, thresholds);
}

function planOf(
  command: Exclude<Command, { t: "status" }>,
  { rollout, published }: Fleet,
  { names, template }: RolloutContext,
): RolloutPlan {
  switch (command.t) {
    case "canary": {
      const { version, ring } = command;
      const plan = canary(rollout, { version, ring, names, template });
      const [newer] = plan.policies;
      if (newer !== undefined) checkPublished(newer, published);
      return plan;
    }
    case "promote":
      return promote(rollout, command.ring);
    case "rollback":
      return rollback(rollout);
    default:
      return command satisfies never;
  }
}

/** Horizon accepts a policy whose version exists for some architectures only, and leaves the other nodes without any. */
function checkPublished(
  { versions, body }: RolloutPolicy,
  { arches, secrets }: PublishedVersions,
): void {
  const [version = "", old = ""] = versions;
  const available = arches.get(version) ?? [];
  const missing = (arches.get(old) ?? []).filter((arch) => !available.includes(arch));
  if (available.length === 0 || missing.length > 0) {
    const which = available.length === 0 ? "" : ` for ${missing.join(" and ")}`;
    const remedy = `make publish-service publish-service-policy SERVICE_VERSION=${version} ARCH=${missing[0] ?? "..."}`;
    throw new RolloutError(`${version} is not published${which}: ${remedy}`);
  }
  const bound = asObjects(body["secretBinding"]).flatMap((binding) =>
    asObjects(binding["secrets"]).flatMap(Object.keys),
  );
  const declared = versions.flatMap((one) => secrets.get(one) ?? []);
  const unbound = [...new Set(declared)].filter((name) => !bound.includes(name));
  if (unbound.length === 0) return;
  throw new RolloutError(
    `the secrets ${unbound.join(", ")} are not bound, so that no node would get an agreement: SECRETS='${[...new Set([...bound, ...unbound])].join(" ")}'`,
  );
}

function send(step: Step, exchange: Exchange): Promise<void> {
  const { name, body } = step.policy;
  switch (step.t) {
    case "create":
      return exchange.createPolicy(name, body);
    case "replace":
      return exchange.replacePolicy(name, body);
    case "delete":
      return exchange.deletePolicy(name);
    default:
      return step satisfies never;
  }
}
