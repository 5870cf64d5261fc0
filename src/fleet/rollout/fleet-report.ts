/** A rollout and its fleet as text for an operator, and a node as a row of a table. Pure. */

import { textTable } from "../../common/text-table.js";
import type { Gate, ObjectState } from "./gates.js";
import type { NodeState, RolloutNode } from "./node-state.js";
import { displayPolicy, displayStep, type RolloutPlan } from "./rollout-plan.js";
import { displayRings, policiesOf, type Rollout } from "./rollout-state.js";

/** How many nodes are listed by name; the rest are counted. */
const LISTED = 20;
/** Characters of a reason in a table; the lines below the table have it whole. */
const REASON = 60;

export function rolloutText(rollout: Rollout): string {
  const policies = policiesOf(rollout);
  if (policies.length === 0) return "nothing is published";
  return policies.map((policy) => `${policy.name}: ${displayPolicy(policy)}`).join("\n");
}

/** In the order of the table of rings; nodes that need attention come last. */
const STATES: readonly NodeState["t"][] = [
  ...(["proven", "on trial", "failed", "no trial", "wrong version", "pending"] as const),
  ...(["rolled back", "degraded", "not running", "silent", "no policy"] as const),
];

/** How many nodes are in which state, by ring; columns without a node are left out. */
export function ringTable(nodes: readonly RolloutNode[]): string {
  if (nodes.length === 0) return "no nodes";
  const columns = STATES.filter((column) => nodes.some(({ state }) => state.t === column));
  const rings = [...new Set(nodes.map(({ ring }) => ring))].sort(
    (a, b) => (a ?? Infinity) - (b ?? Infinity),
  );
  const rows = rings.map((ring) => {
    const own = nodes.filter((node) => node.ring === ring);
    const targets = [...new Set(own.map(({ target }) => target?.version ?? "-"))].sort().join(", ");
    const counts = columns.map((column) =>
      String(own.filter(({ state }) => state.t === column).length),
    );
    return [ring === undefined ? "none" : String(ring), targets, String(own.length), ...counts];
  });
  return textTable([["ring", "target", "nodes", ...columns], ...rows]);
}

/** What each node reports of itself, those that need attention first; the fleet page shows all of them. */
export function nodeTable(nodes: readonly RolloutNode[]): string {
  const order = [...nodes].sort((a, b) => STATES.indexOf(b.state.t) - STATES.indexOf(a.state.t));
  const rows = order.slice(0, LISTED).map((node) => {
    const { id, ring, state, version, model, settings, cameras, reason } = nodeRow(node);
    return [id, ring, version, state, model, settings, cameras, reason.slice(0, REASON)];
  });
  const head = ["node", "ring", "runs", "state", "model", "settings", "cameras", "last reason"];
  const table = textTable([head, ...rows]);
  const left = nodes.length - rows.length;
  return left === 0 ? table : `${table}\nand ${left} more: slipstream fleet export`;
}

/** The nodes that need attention, one a line. */
export function attentionLines(nodes: readonly RolloutNode[], nowMs: number): string[] {
  const fine: readonly NodeState["t"][] = ["proven", "on trial", "no policy"];
  const found = nodes.filter(({ state }) => !fine.includes(state.t));
  return listed(found, (node) => nodeText(node, nowMs));
}

export function nodeText({ id, ring, target, state }: RolloutNode, nowMs: number): string {
  return `${id} (ring ${ring ?? "none"}) ${stateText(state, target?.version, nowMs)}`;
}

function stateText(state: NodeState, target: string | undefined, nowMs: number): string {
  switch (state.t) {
    case "proven":
      return `runs ${state.version}`;
    case "on trial":
      return `runs ${state.version}, ${trialText(state)}`;
    case "failed":
      return `runs ${state.version}, which failed its trial: ${state.reason}`;
    case "no trial":
      return `runs ${state.version} without a trial: TRIAL is off there`;
    case "wrong version":
      return `runs an image that is published as ${state.version} and reports version ${state.reported}, so that it was never on trial: publish it again with make version, make build push`;
    case "pending":
      return `still runs ${state.version}, target ${target}`;
    case "rolled back":
      return `rolled back from ${target} to ${state.version}: ${state.reason}`;
    case "degraded":
      return `runs ${state.version}, and the container ${state.container} is ${state.state}`;
    case "not running":
      return `runs nothing, target ${target}`;
    case "silent": {
      const { sinceMs } = state;
      if (sinceMs === undefined) return "has never sent a heartbeat";
      return `has sent no heartbeat for ${minutes(nowMs - sinceMs)}`;
    }
    case "no policy":
      return "matches no deployment policy";
    default:
      return state satisfies never;
  }
}

function trialText({ why, leftMs }: Extract<NodeState, { t: "on trial" }>): string {
  switch (why) {
    case "no report":
      return "which has not reported on its trial yet";
    case "trial":
      return "on trial";
    case "probation":
      return `which passed its trial; ${minutes(leftMs)} left of PROVEN_AFTER`;
    default:
      return why satisfies never;
  }
}

/** How models and settings fare on the nodes of their rings. Empty: none are published. */
export function objectTable(states: readonly ObjectState[]): string {
  if (states.length === 0) return "";
  const rows = states.map(({ object: { id, rings }, passed, silent, notPassed }) => [
    ...[id, rings === undefined ? "not by rings" : displayRings(rings)],
    ...[passed, notPassed, silent].map(({ length }) => String(length)),
  ]);
  const lines = states.flatMap(({ object, notPassed }) =>
    notPassed.map(([node, why]) => `${node}: ${object.id}: ${why}`),
  );
  const head = ["model or settings", "for", "passed", "not passed", "silent"];
  const table = textTable([head, ...rows]);
  return [table, ...(lines.length === 0 ? [] : [""]), ...listed(lines, (line) => line)].join("\n");
}

/** Whether a model or settings may go to more rings, and which nodes it has not passed on. */
export function objectGateText({ object, passed, notPassed, silent }: ObjectState): string {
  const rings = object.rings === undefined ? "" : ` for ${displayRings(object.rings)}`;
  const counts = `${passed.length} passed, ${notPassed.length} not passed, ${silent.length} silent`;
  const lines = listed(notPassed, ([node, why]) => `  ${node}: ${why}`, "  ");
  return [`${object.id}${rings}: ${counts}`, ...lines].join("\n");
}

export function gateText({ proven, silent, unproven, blocked }: Gate, nowMs: number): string {
  const counts = `${proven} proven, ${unproven.length} not proven, ${silent.length} silent`;
  const reason = blocked === undefined ? "" : `; ${blocked}`;
  const lines = listed(unproven, (node) => `  ${nodeText(node, nowMs)}`, "  ");
  return [`current rings: ${counts}${reason}`, ...lines].join("\n");
}

/** The steps of a plan, and how many nodes change their version. */
export function planText(
  { steps }: RolloutPlan,
  before: readonly RolloutNode[],
  after: readonly RolloutNode[],
): string {
  const moves = new Map<string, { count: number; already: number }>();
  for (const [i, { target, runs }] of after.entries()) {
    const from = before[i]?.target?.version ?? "nothing";
    const to = target?.version ?? "nothing";
    if (from === to) continue;
    const move = `${from} to ${to}`;
    const { count, already } = moves.get(move) ?? { count: 0, already: 0 };
    moves.set(move, { count: count + 1, already: already + Number(runs === to) });
  }
  const lines = [...moves].map(([move, { count, already }]) => {
    const suffix = already === 0 ? "" : `, of which ${already} already there`;
    return `nodes moving from ${move}: ${count}${suffix}`;
  });
  return [
    ...steps.map((step, i) => `${i + 1}. ${displayStep(step)}`),
    ...(lines.length === 0 ? ["no node changes its version"] : lines),
  ].join("\n");
}

function listed<T>(all: readonly T[], text: (one: T) => string, indent = ""): string[] {
  const more = all.length > LISTED ? [`${indent}and ${all.length - LISTED} more`] : [];
  return [...all.slice(0, LISTED).map(text), ...more];
}

function minutes(ms: number): string {
  const whole = Math.ceil(ms / 60_000);
  return whole >= 120 ? `${Math.round(whole / 60)} h` : `${whole} min`;
}

/** A node as tables and the fleet page show it. */
export interface NodeRow {
  readonly id: string;
  readonly ring: string;
  /** The running version, as Horizon calls it. */
  readonly version: string;
  readonly target: string;
  readonly state: string;
  readonly model: string;
  /** Generation of the specification, shortened. */
  readonly settings: string;
  /** Live of all. */
  readonly cameras: string;
  /** Empty: nothing is wrong. */
  readonly reason: string;
  /** Time of the report, ISO 8601; empty: there is none. */
  readonly at: string;
}

const NONE = "-";
const SHORT = 8;

export function nodeRow(node: RolloutNode): NodeRow {
  const { id, ring, target, runs, report, state } = node;
  const { cameras } = report ?? {};
  return {
    id,
    ring: ring === undefined ? NONE : String(ring),
    version: runs ?? NONE,
    target: target?.version ?? NONE,
    state: state.t,
    model: report?.model ?? NONE,
    settings: report?.settings?.slice(0, SHORT) ?? NONE,
    cameras: cameras === undefined ? NONE : `${cameras.live}/${cameras.all}`,
    reason: lastReason(node),
    at: report?.at ?? "",
  };
}

/** What is wrong now, else why the node rejected a version or an object of the hub last. */
function lastReason({ report, state }: RolloutNode): string {
  if ("reason" in state && state.reason !== "") return state.reason;
  if (state.t === "wrong version") return `reports version ${state.reported}`;
  if (report?.reason !== undefined) return report.reason;
  const object = report?.objects.find((one) => one.state === "refused" || one.state === "failed");
  if (object !== undefined) return `${object.id} ${object.state}: ${object.reason ?? ""}`;
  const [failed] = report?.failed ?? [];
  return failed === undefined ? "" : `${failed.version} failed: ${failed.reason}`;
}
