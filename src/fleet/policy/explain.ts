/** Placements and plans as text, and as JSON. */

import { displayFound, type FailedClause } from "./constraint-evaluation.js";
import { displayClause } from "./constraint-parser.js";
import type { Placement, Rejected } from "./placement.js";
import { NO_VERSION, type NoneGroup, type ServicePlan } from "./plan.js";

/** What a deployment policy does on one node, line by line. */
export function explainPlacement(policy: string, placement: Placement): string[] {
  return [
    `${policy}: gets ${placement.t === "placed" ? variantText(placement.variant) : "nothing"}`,
    ...explainRejected(placement.rejected).map((line) => `  ${line}`),
  ];
}

function variantText({ version, arch }: { version: string; arch: string | undefined }): string {
  return arch === undefined ? version : `${version} (${arch})`;
}

/** Versions that fail the same clauses share their lines. */
function explainRejected(rejected: readonly Rejected[]): string[] {
  const versions = new Map<string, string[]>();
  for (const { version, why } of rejected) {
    const reason = reasonsOf(why).join("\n");
    versions.set(reason, [...(versions.get(reason) ?? []), version]);
  }
  return [...versions].flatMap(([reason, of]) => [
    `not ${of.join(", ")}:`,
    ...reason.split("\n").map((line) => `  ${line}`),
  ]);
}

function reasonsOf(why: Rejected["why"]): string[] {
  switch (why.t) {
    case "no-service": {
      const available =
        why.available.length === 0
          ? "there is no definition of it"
          : `it exists for ${why.available.join(", ")}`;
      return [`the node is ${why.arch ?? "of an unknown architecture"}, and ${available}`];
    }
    case "node-lacks":
      return why.failed().map((failed) => `the node must have ${clauseText(failed)}`);
    case "service-lacks":
      return why.failed().map((failed) => `the node asks for ${clauseText(failed)}`);
    default:
      return why satisfies never;
  }
}

function clauseText(failed: FailedClause): string {
  const { clause, constraint, alternative } = failed;
  const { place } = constraint;
  const where = place === undefined ? "" : ` (${place.file}:${place.line})`;
  const one = alternative ? "one alternative: " : "";
  return `${one}${displayClause(clause)}, and it ${displayFound(failed)}${where}`;
}

export function explainPlan(plans: readonly ServicePlan[], nodes: number): string {
  const lines = plans.flatMap((plan) => ["", ...explainServicePlan(plan)]);
  return `${[nodeCount(nodes), ...lines].join("\n")}\n`;
}

function explainServicePlan(plan: ServicePlan): string[] {
  const without = plan.none.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const lines = [
    ...plan.placed.map(
      ({ version, arch, policy, nodes }) =>
        `${version} ${arch ?? "any arch"}: ${nodeCount(nodes.length)}, by ${policy}`,
    ),
    `${NO_VERSION}: ${nodeCount(without)}`,
    ...plan.none.flatMap(explainNoneGroup).map((line) => `  ${line}`),
  ];
  if (plan.contested > 0) {
    const which = `${count(plan.contested)} of these nodes fit more than one policy`;
    lines.push(`${which}: Horizon keeps whichever came first`);
  }
  return [plan.service, ...[...lines, ...ringTable(plan)].map((line) => `  ${line}`)];
}

function explainNoneGroup({ nodes, reasons }: NoneGroup): string[] {
  return [
    `${nodeCount(nodes.length)}, such as ${nodes[0]}:`,
    ...reasons.flatMap(({ policy, rejected }) => [
      `  ${policy}:`,
      ...explainRejected(rejected).map((line) => `    ${line}`),
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

/** The newest version first, the nodes without one last. */
function byVersion(a: string, b: string): number {
  if (a === NO_VERSION || b === NO_VERSION) return a === NO_VERSION ? 1 : -1;
  return b.localeCompare(a, "en", { numeric: true });
}

function nodeCount(number: number): string {
  return `${count(number)} node${number === 1 ? "" : "s"}`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}

/** `id<TAB>version<TAB>arch<TAB>policy` for every node; the version is `none` for a node without one. */
export function listNodes(plans: readonly ServicePlan[]): string {
  const lines = plans.flatMap(({ placed, none }) => [
    ...placed.flatMap(({ version, arch, policy, nodes }) =>
      nodes.map((id) => `${id}\t${version}\t${arch ?? ""}\t${policy}\n`),
    ),
    ...none.flatMap(({ nodes }) => nodes.map((id) => `${id}\t${NO_VERSION}\t\t\n`)),
  ]);
  return lines.join("");
}

export function placementAsJson(policy: string, placement: Placement): object {
  const rejected = placement.rejected.map(rejectedAsJson);
  if (placement.t === "none") return { policy, version: null, rejected };
  const { version, arch } = placement.variant;
  return { policy, version, arch, rejected };
}

function rejectedAsJson({ version, why }: Rejected): object {
  if (why.t === "no-service") {
    return { version, reason: why.t, arch: why.arch, available: why.available };
  }
  const failed = why.failed().map(({ clause, have, constraint: { place }, alternative }) => ({
    clause: displayClause(clause),
    have: have?.value ?? null,
    alternative,
    ...(place === undefined ? {} : { place }),
  }));
  return { version, reason: why.t, failed };
}

export function planAsJson(plans: readonly ServicePlan[], nodes: number): object {
  return {
    nodes,
    services: plans.map(({ service, placed, none, contested, rings }) => ({
      service,
      placed: placed.map(({ nodes: ids, ...group }) => ({ ...group, nodes: ids.length })),
      none: none.map(({ nodes: ids, reasons }) => ({
        nodes: ids.length,
        example: ids[0],
        reasons: reasons.map(({ policy, rejected }) => ({
          policy,
          rejected: rejected.map(rejectedAsJson),
        })),
      })),
      contested,
      rings: Object.fromEntries(
        rings.map(({ ring, nodes: counts }) => [ring, Object.fromEntries(counts)]),
      ),
    })),
  };
}
