/** The link to the management hub: takes in settings and models, and reports what becomes of them and of this node. */

import type { z } from "zod";
import { documentKey } from "../common/hub/documents.js";
import { MODEL_TYPE, SETTINGS_TYPE } from "../common/hub/object.js";
import { displayProblem } from "../common/problem.js";
import type { Config } from "../common/settings/config.js";
import { readSettingsDocument } from "../common/settings/settings-document.js";
import type { Clock } from "../common/time/clock.js";
import type { NodeStore } from "./control/node-store.js";
import { readContent } from "./control/render.js";
import type { EssLocation } from "./hub/ess.js";
import { ESS_TIMING, EssClient } from "./hub/ess-client.js";
import { Hub } from "./hub/hub.js";
import type { HubReport } from "./log/hub-report.js";
import type { Log } from "./log/log.js";
import { composeReport, type HubObject, type NodeFacts } from "./node-report/compose.js";
import { Reporter } from "./node-report/reporter.js";
import type { Service } from "./trial/service-version.js";
import { activeCandidate, candidateOf, type Trial } from "./trial/trial.js";

/** This process on its node, and what all parts of it use. */
export interface NodeContext {
  readonly config: Config;
  readonly service: Service;
  readonly ess: EssLocation;
  /** The node's name in the Exchange. */
  readonly node: string;
  /** Takes secrets out of a text that leaves the process. */
  readonly redact: (text: string) => string;
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  readonly logs: (component: string) => Log;
}

export interface HubLinkOptions extends NodeContext {
  readonly store: NodeStore;
  readonly report: HubReport;
  readonly facts: () => Pick<NodeFacts, "trial" | "record" | "state" | "ended">;
  /** Called when another settings document or model is there. */
  readonly onChange: () => void;
}

export class HubLink {
  readonly #options: HubLinkOptions;
  #hub: Hub | undefined;
  #reporter: Reporter | undefined;

  constructor(options: HubLinkOptions) {
    this.#options = options;
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { config, ess: location, logs } = this.#options;
    if (config.hub === "off" || location.t === "none") return;
    if (location.t === "unusable") {
      logs("hub").warn("cannot ask the hub", { detail: location.detail });
      return;
    }
    const ess = new EssClient({ address: location.address, ...ESS_TIMING });
    try {
      await Promise.all([this.#runReporter(ess, signal), this.#runHub(ess, signal)]);
    } finally {
      ess.close();
    }
  }

  /** Asks the hub for objects at once. */
  poll(): void {
    this.#hub?.poll();
  }

  /** The facts have changed: reports them soon. */
  onFacts(): void {
    this.#reporter?.onChange();
  }

  /** Reports the facts at once, whether they have changed or not. Never throws because of the hub. */
  async sendReport(signal: AbortSignal): Promise<void> {
    await this.#reporter?.send(signal);
  }

  /** Tells the hub that the objects of a candidate that has passed are consumed: it need not keep them for this node. */
  confirm(trial: Trial): void {
    if (trial.t === "passed") this.#hub?.confirmed(this.#objectsIn(trial.candidate.content));
  }

  #runReporter(ess: EssClient, signal: AbortSignal): Promise<void> {
    const { node, redact, clock, wallClock, report } = this.#options;
    this.#reporter = new Reporter({
      ...{ ess, node, clock, wallClock, random: Math.random },
      report: () => composeReport(this.#facts(), redact),
      onEvent: report.onEvent,
    });
    return this.#reporter.run(signal);
  }

  async #runHub(ess: EssClient, signal: AbortSignal): Promise<void> {
    const { service, clock, store, report, facts, onChange } = this.#options;
    const open = await store.opened(signal);
    if (open === undefined) return;
    this.#hub = new Hub({
      ...{ ess, clock, onChange, store: open.models, state: open.hub, version: service.version },
      check: (text, name) => {
        const reading = readSettingsDocument(text, name);
        return reading.t === "refused" ? reading.problems.map(displayProblem) : [];
      },
      onEvent: (event) => {
        report.onEvent(event);
        this.onFacts();
      },
    });
    this.confirm(facts().trial);
    await this.#hub.run(signal);
  }

  #facts(): NodeFacts {
    const { service, store, facts } = this.#options;
    const known = facts();
    const { settings, models } = store.open?.hub.ledgers ?? {};
    const objects = [
      ...[...(settings?.entries() ?? [])].map(objectOf(SETTINGS_TYPE)),
      ...[...(models?.entries() ?? [])].map(objectOf(MODEL_TYPE)),
    ];
    const tried = this.#objectsIn(candidateOf(known.trial)?.content);
    const used = this.#objectsIn(activeCandidate(known.trial)?.content);
    return { service, ...known, objects, tried, used };
  }

  /** The content ids of the hub's objects that a candidate's content is made of. */
  #objectsIn(value: z.JSONType | undefined): string[] {
    const content = readContent(value);
    const { open } = this.#options.store;
    if (content === undefined || open === undefined) return [];
    const document = open.hub.documents.current();
    const bundles = open.models.list().filter(({ path }) => content.models.includes(path));
    return [
      ...(document !== undefined && content.hub === document.text ? [documentKey(document)] : []),
      ...bundles.map(({ manifest: { name, version } }) => `${name}@${version}`),
    ];
  }
}

function objectOf(type: string) {
  return ([id, entry]: readonly [string, HubObject["entry"]]): HubObject => ({ type, id, entry });
}
