/** The commands of a rollout: each reads the Exchange, tells what it will do, and does it when it is told to. */

import type { NodeReport } from "../../common/hub/node-report.js";
import { MODEL_TYPE, SETTINGS_TYPE } from "../../common/hub/object.js";
import { isObject, type JsonObject } from "../../common/json/document.js";
import { type Change, canary, promote, rollback, type Step, sharesOf } from "./change.js";
import type { Exchange } from "./exchange.js";
import { type Published, readFleet, readPublished, readRollout } from "./fleet.js";
import { gateOf } from "./gate.js";
import { canariesOf, closedBy, objectStanding } from "./object-gate.js";
import {
  changeText,
  fleetTable,
  gateText,
  nodeTable,
  objectGateText,
  objectTable,
  rolloutText,
  troubles,
} from "./report.js";
import type { Rings } from "./rings.js";
import { type Row, rowOf } from "./row.js";
import { type Rollout, RolloutError, type Share } from "./shares.js";
import { type FleetNode, type Patience, type Placed, standings } from "./standing.js";
import type { PublishedObject, SyncService } from "./sync-service.js";

export type Command =
  | { readonly t: "status" }
  | { readonly t: "canary"; readonly version: string; readonly ring: number }
  | { readonly t: "promote"; readonly ring: number | "all"; readonly mayFail: number }
  | { readonly t: "rollback" };

export interface Desk {
  readonly exchange: Exchange;
  /** Undefined: nobody said where it is, and what nodes report is not known. */
  readonly sync: SyncService | undefined;
  /** The service's name. */
  readonly service: string;
  /** The names that the two deployment policies take in turn. */
  readonly names: readonly [string, string];
  /** The deployment policy's file for a version, and the one to go back to. */
  readonly template: (version: string, old: string) => JsonObject;
  readonly nowMs: number;
  readonly patience: Patience;
  readonly say: (text: string) => void;
  /** Asked after everything is told. False: nothing is to be changed. */
  readonly confirm: () => Promise<boolean>;
}

const UNHEARD =
  "HZN_FSS_CSSURL is not set: what the nodes say of their trials is there, and without it nothing is proven";

/** What the Exchange knows, and how the nodes stand by it. */
interface View {
  readonly rollout: Rollout;
  readonly published: Published;
  readonly fleet: readonly FleetNode[];
  readonly nodes: readonly Placed[];
  /** Models and settings that are out. */
  readonly objects: readonly PublishedObject[];
}

/** @throws RolloutError where the rollout does not allow it, ExchangeError where the Exchange does not */
export async function conduct(command: Command, desk: Desk): Promise<void> {
  const view = await look(desk);
  if (desk.sync === undefined) desk.say(UNHEARD);
  if (command.t === "status") {
    const { rollout, nodes, objects, fleet } = view;
    const out = objectTable(objects.map((one) => objectStanding(one, fleet, desk.nowMs)));
    const tables = [rolloutText(rollout), fleetTable(nodes), nodeTable(nodes), out];
    desk.say(tables.filter((table) => table !== "").join("\n\n"));
    const lines = troubles(view.nodes, desk.nowMs);
    if (lines.length > 0) desk.say(`\n${lines.join("\n")}`);
    return;
  }
  const change = changeOf(command, view, desk);
  const after = place(view, change.after, desk);
  desk.say(changeText(change, view.nodes, after));
  if (command.t === "promote" && view.rollout.t === "split") {
    const gate = gateOf(view.rollout, view.nodes, command.mayFail);
    desk.say(gateText(gate, desk.nowMs));
    if (gate.closed !== undefined) throw new RolloutError(`not promoted: ${gate.closed}`);
  }
  if (!(await desk.confirm())) return;
  for (const step of change.steps) await take(step, desk.exchange);
  desk.say("done; nodes follow within minutes: make fleet-status");
}

/**
 * Whether a model or a settings document may go to these rings. What is out nowhere yet may go anywhere.
 *
 * @throws RolloutError where it is on trial on the first of them, or has failed there
 */
export async function refuseUnproven(
  { type, sha256, rings }: { type: string; sha256: string; rings: Rings },
  mayFail: number,
  {
    exchange,
    sync,
    service,
    nowMs,
    say,
  }: Omit<Desk, "names" | "template" | "patience" | "confirm">,
): Promise<void> {
  const canaries = canariesOf(sha256, rings, (await sync?.objects(type)) ?? []);
  if (sync === undefined || canaries.length === 0) return;
  const fleet = await readFleet(exchange, service, new Map(), await sync.reports());
  const standings = canaries.map((one) => objectStanding(one, fleet, nowMs));
  for (const standing of standings) say(objectGateText(standing));
  const closed = closedBy(
    {
      passed: standings.flatMap(({ passed }) => passed),
      against: standings.flatMap(({ against }) => against),
    },
    mayFail,
  );
  if (closed !== undefined) throw new RolloutError(`not published: ${closed}`);
}

/** What is enough to look without changing anything. */
export type Looking = Pick<Desk, "exchange" | "sync" | "names" | "service" | "nowMs" | "patience">;

/** The whole fleet as the hub knows it: a row for each node, and what `make fleet-status` says above them. */
export async function overview(
  hub: Looking,
): Promise<{ readonly rows: readonly Row[]; readonly summary: string }> {
  const { rollout, nodes, objects, fleet } = await look(hub);
  const out = objectTable(objects.map((one) => objectStanding(one, fleet, hub.nowMs)));
  const told = hub.sync === undefined ? UNHEARD : "";
  const parts = [told, rolloutText(rollout), fleetTable(nodes), out];
  return { rows: nodes.map(rowOf), summary: parts.filter((part) => part !== "").join("\n\n") };
}

async function look(desk: Looking): Promise<View> {
  const { exchange, sync, names, service } = desk;
  const [rollout, published, reports, models, settings] = await Promise.all([
    readRollout(exchange, names),
    readPublished(exchange, service),
    sync?.reports() ?? new Map<string, NodeReport>(),
    sync?.objects(MODEL_TYPE) ?? [],
    sync?.objects(SETTINGS_TYPE) ?? [],
  ]);
  const fleet = await readFleet(exchange, service, published.containers, reports);
  const view = { rollout, published, fleet, nodes: [], objects: [...models, ...settings] };
  return { ...view, nodes: place(view, sharesOf(rollout), desk) };
}

function place({ fleet, published }: View, shares: readonly Share[], desk: Looking): Placed[] {
  return standings(fleet, shares, published.catalogue, desk.nowMs, desk.patience);
}

function changeOf(
  command: Exclude<Command, { t: "status" }>,
  { rollout, published }: View,
  { names, template }: Desk,
): Change {
  switch (command.t) {
    case "canary": {
      const { version, ring } = command;
      const change = canary(rollout, { version, ring, names, template });
      const [fresh] = change.after;
      if (fresh !== undefined) refuseUnready(fresh, published);
      return change;
    }
    case "promote":
      return promote(rollout, command.ring);
    case "rollback":
      return rollback(rollout);
    default:
      return command satisfies never;
  }
}

/** Horizon takes a policy whose version is there for some architectures only, and leaves the other nodes without any. */
function refuseUnready({ versions, body }: Share, { arches, secrets }: Published): void {
  const [version = "", old = ""] = versions;
  const there = arches.get(version) ?? [];
  const missing = (arches.get(old) ?? []).filter((arch) => !there.includes(arch));
  if (there.length === 0 || missing.length > 0) {
    const which = there.length === 0 ? "" : ` for ${missing.join(" and ")}`;
    const way = `make publish-service publish-service-policy SERVICE_VERSION=${version} ARCH=${missing[0] ?? "..."}`;
    throw new RolloutError(`${version} is not published${which}: ${way}`);
  }
  const bound = boundSecrets(body);
  const loose = versions
    .flatMap((one) => secrets.get(one) ?? [])
    .filter((name) => !bound.includes(name));
  if (loose.length > 0) {
    throw new RolloutError(
      `the secrets ${[...new Set(loose)].join(", ")} are not bound, and no node would take it: SECRETS='${[...new Set([...bound, ...loose])].join(" ")}'`,
    );
  }
}

function boundSecrets({ secretBinding }: JsonObject): string[] {
  const bindings = (Array.isArray(secretBinding) ? secretBinding : []).filter(isObject);
  return bindings.flatMap(({ secrets }) =>
    (Array.isArray(secrets) ? secrets : []).filter(isObject).flatMap(Object.keys),
  );
}

function take(step: Step, exchange: Exchange): Promise<void> {
  const { name, body } = step.share;
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
