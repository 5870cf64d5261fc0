/** A rollout and its fleet in words: what a person at the desk reads. */

import { type Change, stepText } from "./change.js";
import type { Gate } from "./gate.js";
import type { ObjectStanding } from "./object-gate.js";
import { ringsText } from "./rings.js";
import { rowOf } from "./row.js";
import type { Rollout, Share } from "./shares.js";
import type { Placed, Standing } from "./standing.js";

/** Nodes named one by one; more are counted. */
const NAMED = 20;
/** Of a reason in a table, in characters: the lines below have it whole. */
const REASON = 60;

export function rolloutText(rollout: Rollout): string {
  switch (rollout.t) {
    case "none":
      return "nothing is published";
    case "settled":
      return shareText(rollout.share);
    case "split":
      return `${shareText(rollout.fresh)}\n${shareText(rollout.old)}`;
    case "taken back":
      return `${shareText(rollout.first)}\n${shareText(rollout.rest)}`;
    default:
      return rollout satisfies never;
  }
}

function shareText({ name, versions: [first, ...rest], rings }: Share): string {
  const back = rest.length === 0 ? "" : `, else ${rest.join(", ")}`;
  return `${name}: ${first}${back}; ${ringsText(rings)}`;
}

const COLUMNS: readonly Standing["t"][] = [
  ...(["proven", "on trial", "failed", "untried", "other version", "waiting"] as const),
  ...(["rolled back", "unsteady", "empty", "silent", "not meant"] as const),
];

/** How many nodes stand how, ring by ring; columns without a node are left out. */
export function fleetTable(nodes: readonly Placed[]): string {
  if (nodes.length === 0) return "no nodes";
  const columns = COLUMNS.filter((column) => nodes.some(({ standing }) => standing.t === column));
  const rings = [...new Set(nodes.map(({ ring }) => ring))].sort(
    (a, b) => (a ?? Infinity) - (b ?? Infinity),
  );
  const rows = rings.map((ring) => {
    const own = nodes.filter((node) => node.ring === ring);
    const versions = [...new Set(own.map(({ meant }) => meant?.version ?? "-"))].sort().join(", ");
    const counts = columns.map((column) =>
      String(own.filter(({ standing }) => standing.t === column).length),
    );
    return [ring === undefined ? "none" : String(ring), versions, String(own.length), ...counts];
  });
  return tableText([["ring", "meant", "nodes", ...columns], ...rows]);
}

/** Node by node what each says of itself, those that need a look first; more are left to the fleet's page. */
export function nodeTable(nodes: readonly Placed[]): string {
  const order = [...nodes].sort(
    (a, b) => COLUMNS.indexOf(b.standing.t) - COLUMNS.indexOf(a.standing.t),
  );
  const rows = order.slice(0, NAMED).map((node) => {
    const { id, ring, standing, version, model, settings, cameras, reason } = rowOf(node);
    return [id, ring, version, standing, model, settings, cameras, reason.slice(0, REASON)];
  });
  const head = ["node", "ring", "runs", "trial", "model", "settings", "cameras", "last reason"];
  const table = tableText([head, ...rows]);
  const left = nodes.length - rows.length;
  return left === 0 ? table : `${table}\nand ${left} more: slipstream fleet export`;
}

/** The nodes that need a look, one a line. */
export function troubles(nodes: readonly Placed[], nowMs: number): string[] {
  const quiet: readonly Standing["t"][] = ["proven", "on trial", "not meant"];
  const told = nodes.filter(({ standing }) => !quiet.includes(standing.t));
  const lines = told.slice(0, NAMED).map((node) => nodeText(node, nowMs));
  return told.length > NAMED ? [...lines, `and ${told.length - NAMED} more`] : lines;
}

export function nodeText({ id, ring, meant, standing }: Placed, nowMs: number): string {
  const where = `${id} (ring ${ring ?? "none"})`;
  switch (standing.t) {
    case "proven":
      return `${where} runs ${standing.version}`;
    case "on trial":
      return `${where} runs ${standing.version}, ${trialText(standing)}`;
    case "failed":
      return `${where} runs ${standing.version}, which has failed its trial: ${standing.reason}`;
    case "untried":
      return `${where} runs ${standing.version} without a trial: TRIAL is off there`;
    case "other version":
      return `${where} runs what is published as ${standing.version}, and says that it is ${standing.says}: it was never on trial; publish it anew with make version, make build push`;
    case "waiting":
      return `${where} still runs ${standing.version}, and is to run ${meant?.version}`;
    case "rolled back":
      return `${where} has gone back from ${meant?.version} to ${standing.version}: ${standing.reason}`;
    case "unsteady": {
      const { version, container, state } = standing;
      return `${where} runs ${version}, and the container ${container} is ${state}`;
    }
    case "empty":
      return `${where} runs nothing, and is to run ${meant?.version}`;
    case "silent": {
      const { sinceMs } = standing;
      return sinceMs === undefined
        ? `${where} has never been heard of`
        : `${where} has not been heard of for ${minutes(nowMs - sinceMs)}`;
    }
    case "not meant":
      return `${where} fits no policy`;
    default:
      return standing satisfies never;
  }
}

function trialText({ why, leftMs }: Extract<Standing, { t: "on trial" }>): string {
  switch (why) {
    case "no report":
      return "and has not said yet how its trial goes";
    case "trial":
      return "on trial";
    case "patience":
      return `has passed its trial, and is waited for ${minutes(leftMs)} more`;
    default:
      return why satisfies never;
  }
}

/** How models and settings fare on the nodes of their rings. Empty: there are none. */
export function objectTable(standings: readonly ObjectStanding[]): string {
  if (standings.length === 0) return "";
  const rows = standings.map(({ object: { id, rings }, passed, silent, against }) => [
    ...[id, rings === undefined ? "not by rings" : ringsText(rings)],
    ...[passed, against, silent].map(({ length }) => String(length)),
  ]);
  const told = standings.flatMap(({ object, against }) =>
    against.map(([node, why]) => `${node}: ${object.id}: ${why}`),
  );
  const more = told.length > NAMED ? [`and ${told.length - NAMED} more`] : [];
  const table = tableText([["model or settings", "for", "passed", "not", "silent"], ...rows]);
  return [table, ...(told.length === 0 ? [] : [""]), ...told.slice(0, NAMED), ...more].join("\n");
}

/** Whether a model or settings may go to more rings, and who is against it. */
export function objectGateText({ object, passed, against, silent }: ObjectStanding): string {
  const rings = object.rings === undefined ? "" : ` for ${ringsText(object.rings)}`;
  const counted = `${passed.length} passed, ${against.length} not, ${silent.length} silent`;
  const lines = against.slice(0, NAMED).map(([node, why]) => `  ${node}: ${why}`);
  const more = against.length > NAMED ? [`  and ${against.length - NAMED} more`] : [];
  return [`${object.id}${rings}: ${counted}`, ...lines, ...more].join("\n");
}

export function gateText({ proven, silent, against, closed }: Gate, nowMs: number): string {
  const counted = `${proven} proven, ${against.length} not, ${silent.length} silent`;
  const lines = against.slice(0, NAMED).map((node) => `  ${nodeText(node, nowMs)}`);
  const more = against.length > NAMED ? [`  and ${against.length - NAMED} more`] : [];
  return [
    `rings so far: ${counted}${closed === undefined ? "" : `; ${closed}`}`,
    ...lines,
    ...more,
  ].join("\n");
}

/** What a change does, step by step, and to how many nodes. */
export function changeText(
  { steps }: Change,
  before: readonly Placed[],
  after: readonly Placed[],
): string {
  const moves = new Map<string, { count: number; there: number }>();
  for (const [i, { meant, runs }] of after.entries()) {
    const from = before[i]?.meant?.version ?? "nothing";
    const to = meant?.version ?? "nothing";
    if (from === to) continue;
    const move = `${from} to ${to}`;
    const { count, there } = moves.get(move) ?? { count: 0, there: 0 };
    moves.set(move, { count: count + 1, there: there + Number(runs === to) });
  }
  const told = [...moves].map(([move, { count, there }]) => {
    const already = there === 0 ? "" : `, of which run that already: ${there}`;
    return `nodes that go from ${move}: ${count}${already}`;
  });
  return [
    ...steps.map((step, i) => `${i + 1}. ${stepText(step)}`),
    ...(told.length === 0 ? ["no node changes its version"] : told),
  ].join("\n");
}

function minutes(ms: number): string {
  const whole = Math.ceil(ms / 60_000);
  return whole >= 120 ? `${Math.round(whole / 60)} h` : `${whole} min`;
}

function tableText(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
