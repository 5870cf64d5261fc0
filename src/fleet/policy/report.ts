/** Placements and plans in words. */

import { displayClause } from "./clause.js";
import type { FailedClause } from "./evaluate.js";
import { displayFound } from "./evaluate.js";
import type { Placement, Refusal } from "./placement.js";
import type { NoneGroup, ServicePlan } from "./plan.js";
import { noVersion } from "./plan.js";

/** Lines that say what a deployment policy does on one node. */
export function explainPlacement(policy: string, placement: Placement): string[] {
  const head =
    placement.t === "placed"
      ? `${policy}: gets ${placement.offer.version}${placement.offer.arch === undefined ? "" : ` (${placement.offer.arch})`}`
      : `${policy}: gets nothing`;
  return [head, ...explainRefusals(placement.refusals).map((line) => `  ${line}`)];
}

/** Versions that are refused for the same clauses share their lines. */
function explainRefusals(refusals: readonly Refusal[]): string[] {
  const versions = new Map<string, string[]>();
  for (const { version, why } of refusals) {
    const reason = explainRefusal(why).join("\n");
    versions.set(reason, [...(versions.get(reason) ?? []), version]);
  }
  return [...versions].flatMap(([reason, of]) => [
    `not ${of.join(", ")}:`,
    ...reason.split("\n").map((line) => `  ${line}`),
  ]);
}

function explainRefusal(why: Refusal["why"]): string[] {
  switch (why.t) {
    case "no-service": {
      const offered =
        why.offered.length === 0
          ? "there is no definition of it"
          : `it exists for ${why.offered.join(", ")}`;
      return [`the node is ${why.arch ?? "of an unknown architecture"}, and ${offered}`];
    }
    case "node-lacks":
      return why.failed().map((failed) => `the node must have ${explainClause(failed)}`);
    case "offer-lacks":
      return why.failed().map((failed) => `the node asks for ${explainClause(failed)}`);
    default:
      return why satisfies never;
  }
}

function explainClause(failed: FailedClause): string {
  const { clause, constraint, alternative } = failed;
  const where =
    constraint.place === undefined ? "" : ` (${constraint.place.file}:${constraint.place.line})`;
  const one = alternative ? "one alternative: " : "";
  return `${one}${displayClause(clause)}, and it ${displayFound(failed)}${where}`;
}

/** The whole plan as text. */
export function explainPlan(plans: readonly ServicePlan[], nodes: number): string {
  const lines = [`${count(nodes)} nodes`];
  for (const plan of plans) lines.push("", ...explainServicePlan(plan));
  return `${lines.join("\n")}\n`;
}

function explainServicePlan(plan: ServicePlan): string[] {
  const lines = [plan.service];
  for (const { version, arch, policy, nodes } of plan.placed) {
    lines.push(
      `  ${[version, arch ?? "any arch"].join(" ")}: ${count(nodes.length)} nodes, by ${policy}`,
    );
  }
  const without = plan.none.reduce((sum, { nodes }) => sum + nodes.length, 0);
  lines.push(`  ${noVersion}: ${count(without)} nodes`);
  for (const group of plan.none)
    lines.push(...explainNoneGroup(group).map((line) => `    ${line}`));
  if (plan.contested > 0) {
    lines.push(
      `  ${count(plan.contested)} of these nodes fit more than one policy: Horizon keeps whichever came first`,
    );
  }
  return [...lines, ...ringTable(plan).map((line) => `  ${line}`)];
}

function explainNoneGroup({ nodes, reasons }: NoneGroup): string[] {
  return [
    `${count(nodes.length)} nodes, such as ${nodes[0]}:`,
    ...reasons.flatMap(({ policy, refusals }) => [
      `  ${policy}:`,
      ...explainRefusals(refusals).map((line) => `    ${line}`),
    ]),
  ];
}

function ringTable({ rings }: ServicePlan): string[] {
  const columns = [...new Set(rings.flatMap(({ nodes }) => [...nodes.keys()]))].sort(byVersion);
  const rows = [
    ["ring", ...columns],
    ...rings.map(({ ring, nodes }) => [
      ring,
      ...columns.map((column) => count(nodes.get(column) ?? 0)),
    ]),
  ];
  const widths = ["ring", ...columns].map((_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  return rows.map((row) => row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  "));
}

/** Newest version first, the nodes without one last. */
function byVersion(a: string, b: string): number {
  if (a === noVersion || b === noVersion) return a === noVersion ? 1 : -1;
  return b.localeCompare(a, "en", { numeric: true });
}

function count(number: number): string {
  return number.toLocaleString("en");
}

/** `id<TAB>version<TAB>arch<TAB>policy` for every node; a node without a version has the word none there. */
export function listNodes(plans: readonly ServicePlan[]): string {
  const lines = plans.flatMap(({ placed, none }) => [
    ...placed.flatMap(({ version, arch, policy, nodes }) =>
      nodes.map((id) => `${id}\t${version}\t${arch ?? ""}\t${policy}\n`),
    ),
    ...none.flatMap(({ nodes }) => nodes.map((id) => `${id}\t${noVersion}\t\t\n`)),
  ]);
  return lines.join("");
}

export function placementAsJson(policy: string, placement: Placement): object {
  const refusals = placement.refusals.map(refusalAsJson);
  if (placement.t === "none") return { policy, version: null, refusals };
  return { policy, version: placement.offer.version, arch: placement.offer.arch, refusals };
}

function refusalAsJson({ version, why }: Refusal): object {
  if (why.t === "no-service")
    return { version, reason: why.t, arch: why.arch, offered: why.offered };
  const failed = why.failed().map(({ clause, have, constraint, alternative }) => ({
    clause: displayClause(clause),
    have: have?.value ?? null,
    alternative,
    ...(constraint.place === undefined ? {} : { place: constraint.place }),
  }));
  return { version, reason: why.t, failed };
}

export function planAsJson(plans: readonly ServicePlan[], nodes: number): object {
  return {
    nodes,
    services: plans.map((plan) => ({
      service: plan.service,
      placed: plan.placed.map(({ nodes: ids, ...group }) => ({ ...group, nodes: ids.length })),
      none: plan.none.map(({ nodes: ids, reasons }) => ({
        nodes: ids.length,
        example: ids[0],
        reasons: reasons.map(({ policy, refusals }) => ({
          policy,
          refusals: refusals.map(refusalAsJson),
        })),
      })),
      contested: plan.contested,
      rings: Object.fromEntries(
        plan.rings.map(({ ring, nodes: counts }) => [ring, Object.fromEntries(counts)]),
      ),
    })),
  };
}
