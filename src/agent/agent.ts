/** Wires the rooms of the agent and runs them until it is stopped. */

import { dirname } from "node:path";
import { documentKey } from "../common/hub/documents.js";
import { MODEL_TYPE, SETTINGS_TYPE } from "../common/hub/object-types.js";
import { displayProblem, type Problem, problem } from "../common/problem.js";
import { SecretFiles } from "../common/secrets/secret-files.js";
import type { Config } from "../common/settings/config.js";
import { readSettingsDocument } from "../common/settings/settings-document.js";
import { Alarm } from "../common/time/alarm.js";
import type { Clock } from "../common/time/clock.js";
import { readContent, type Texts } from "./control/content.js";
import { Control } from "./control/control.js";
import { Kept } from "./control/kept.js";
import { Maintenance } from "./control/maintenance.js";
import { SettingsFile } from "./control/settings-file.js";
import type { EssPlace } from "./hub/ess-address.js";
import { ESS_TIMING, EssClient } from "./hub/ess-client.js";
import { Hub } from "./hub/hub.js";
import { ControlReport } from "./log/control-report.js";
import { HubReport } from "./log/hub-report.js";
import type { Log } from "./log/log.js";
import { Report } from "./log/report.js";
import { summary } from "./log/summary.js";
import { composeReport, type NodeFacts } from "./node-report/compose.js";
import { Reporter } from "./node-report/reporter.js";
import { DEFAULT_TIMING, Reconciler, type ReconcilerEvent } from "./reconcile/reconciler.js";
import { SidecarClient } from "./sidecar/client.js";
import { EndedFile } from "./sidecar/ended-file.js";
import type { PreviousWorker } from "./sidecar/sidecar.js";
import type { State } from "./sidecar/state.js";
import type { JsonValue } from "./trial/candidate.js";
import type { TrialEvent } from "./trial/events.js";
import { Guard } from "./trial/guard.js";
import type { Failure } from "./trial/memory.js";
import { boundsOf, timesOf } from "./trial/rules.js";
import type { Service } from "./trial/service-version.js";
import type { TrialStore } from "./trial/store.js";
import { candidateOf } from "./trial/trial.js";

/** For the last report of a version that fails on purpose. The sync service is on the same machine. */
const LAST_REPORT_MS = 1000;

export interface AgentOptions {
  readonly config: Config;
  readonly service: Service;
  readonly ess: EssPlace;
  /** The node's name in the Exchange. */
  readonly node: string;
  /** Takes secrets out of what is told. */
  readonly redact: (text: string) => string;
  readonly store: TrialStore;
  /** Directory of the bundles that ship with the product. */
  readonly shippedModels: string;
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  readonly logs: (component: string) => Log;
  /** Must not throw. */
  readonly trialTrace: (event: TrialEvent) => void;
  /** The version of the service fails its trial: the process is to end in the way that Horizon notices. */
  readonly fail: (failure: Failure) => void;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #report: Report;
  readonly #hubReport: HubReport;
  readonly #secrets: SecretFiles;
  readonly #file: SettingsFile | undefined;
  readonly #kept: Kept;
  readonly #guard: Guard;
  readonly #reconciler: Reconciler;
  readonly #control: Control;
  readonly #endedFile: EndedFile;
  readonly #alarm: Alarm;
  readonly #maintenance: Maintenance;
  #hub: Hub | undefined;
  #reporter: Reporter | undefined;
  #board: string | undefined;
  #state: State | undefined;
  /** How the last worker ended, where none answers; undefined: one does. */
  #ended: PreviousWorker | "unknown" | undefined = "unknown";
  /** All sources have been read once: before, what is missing in one of them is no news. */
  #isLoaded = false;

  constructor(options: AgentOptions) {
    const { config, service, store, clock, wallClock, logs } = options;
    const log = logs("agent");
    this.#options = options;
    this.#report = new Report(logs("report"), service.version);
    this.#hubReport = new HubReport(logs("hub"));
    const renew = () => this.#renew();
    this.#secrets = new SecretFiles({
      directory: config.secretsDir,
      clock,
      changed: renew,
      trace: ({ t, ...facts }) => {
        if (t === "taken") log.info("secret taken", facts);
        else log.warn("secret cannot be read", facts);
      },
    });
    this.#file =
      config.settingsFile === undefined
        ? undefined
        : new SettingsFile({ path: config.settingsFile, clock, changed: renew });
    this.#kept = new Kept({
      config,
      shipped: options.shippedModels,
      board: () => this.#board,
      clock,
      trace: this.#hubReport.trace,
      unusable: (err) => log.warn("what comes from the hub cannot be kept", { err }),
      usable: () => {
        log.info("what comes from the hub is kept from now on");
        renew();
      },
    });
    this.#endedFile = new EndedFile(dirname(config.socketPath));
    this.#reconciler = new Reconciler({
      desired: undefined,
      open: () =>
        new SidecarClient({ socketPath: config.socketPath, agentVersion: service.version }),
      ended: () => this.#endedFile.read(),
      clock,
      timing: DEFAULT_TIMING,
      detections: config.showFrames,
      trace: (event) => this.#onReconcilerEvent(event),
    });
    this.#guard = new Guard({
      service,
      bounds: boundsOf({}),
      times: timesOf({ timeMs: config.trialMs }),
      store,
      clock,
      wallClock,
      want: (desired) => this.#reconciler.want(desired),
      check: (desired) => this.#reconciler.check(desired),
      fail: (failure) => void this.#fail(failure),
      trace: (event) => this.#onTrialEvent(event),
    });
    this.#alarm = new Alarm({ clock, wallClock, due: renew });
    this.#maintenance = new Maintenance({
      clock,
      start: (job) => {
        if (job === "report") log.info("report", summary(this.#state, this.#guard.trial));
        else this.#hub?.look();
      },
    });
    this.#control = new Control({
      config,
      version: service.version,
      texts: () => this.#texts(),
      unreadable: () => this.#unreadable(),
      secrets: () => this.#secrets.current(),
      models: this.#kept,
      lastGood: () => this.#lastGood(),
      wallClock,
      consider: (candidate, lastGood) => this.#guard.consider(candidate, lastGood),
      applyOptions: ({ trial, maintenance }) => {
        this.#guard.judgeBy(boundsOf(trial), timesOf(trial));
        this.#reconciler.listen(config.showFrames || trial.detections !== undefined);
        this.#maintenance.set(maintenance);
      },
      wake: (atMs) => this.#alarm.set(atMs),
      hold: (paths) => this.#kept.hold(paths),
      trace: new ControlReport(logs("settings")).trace,
    });
  }

  /** Words of the files of secrets, which no output may hold; the same array as long as they are the same. */
  get secretWords(): readonly string[] {
    return this.#secrets.words();
  }

  /** Passwords of what is or was wanted, likewise. */
  get passwords(): readonly string[] {
    return this.#control.passwords;
  }

  /** Runs until the signal is aborted; returns when nothing is under way any more. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      ...[this.#secrets.load(), this.#file?.load(), this.#kept.load()],
      this.#endedFile.load(),
    ]);
    this.#isLoaded = true;
    this.#renew();
    await Promise.all([
      this.#reconciler.run(signal),
      this.#guard.run(signal),
      this.#secrets.run(signal),
      this.#file?.run(signal),
      this.#alarm.run(signal),
      this.#maintenance.run(signal),
      this.#runHub(signal),
    ]);
  }

  /** What the hub has withdrawn is good no more: nothing goes back to it, and no new version is tried with it. */
  #lastGood(): JsonValue | undefined {
    const content = this.#options.store.memory.lastGood?.content;
    const text = readContent(content)?.texts.hub;
    const isWithdrawn =
      text !== undefined && this.#kept.open?.state.documents.isWithdrawn(text) === true;
    return isWithdrawn ? undefined : content;
  }

  async #runHub(signal: AbortSignal): Promise<void> {
    const { config, ess: place, logs } = this.#options;
    if (config.hub !== "off" && place.t === "unusable") {
      logs("hub").warn("the hub cannot be asked", { detail: place.detail });
    }
    if (config.hub === "off" || place.t !== "ess") return;
    const ess = new EssClient({ address: place.address, ...ESS_TIMING });
    try {
      await Promise.all([this.#reportToHub(ess, signal), this.#followHub(ess, signal)]);
    } finally {
      ess.close();
    }
  }

  /** What the hub's operator sees of this node. */
  #reportToHub(ess: EssClient, signal: AbortSignal): Promise<void> {
    const { node, redact, clock, wallClock } = this.#options;
    this.#reporter = new Reporter({
      ...{ ess, node, clock, wallClock, random: Math.random },
      facts: () => composeReport(this.#facts(), redact),
      trace: this.#hubReport.trace,
    });
    return this.#reporter.run(signal);
  }

  async #followHub(ess: EssClient, signal: AbortSignal): Promise<void> {
    const { service, clock } = this.#options;
    const open = await this.#kept.opened(signal);
    if (open === undefined) return;
    this.#hub = new Hub({
      ...open,
      ess,
      check: (text, name) => {
        const reading = readSettingsDocument(text, name);
        return reading.t === "refused" ? reading.problems.map(displayProblem) : [];
      },
      version: service.version,
      clock,
      trace: (event) => {
        this.#hubReport.trace(event);
        this.#reporter?.changed();
      },
      changed: () => this.#renew(),
    });
    this.#tellHub();
    await this.#hub.run(signal);
  }

  /** The hub is told first: this process is about to end, and its log with it. */
  async #fail(failure: Failure): Promise<void> {
    await this.#reporter?.send(AbortSignal.timeout(LAST_REPORT_MS));
    this.#options.fail(failure);
  }

  #facts(): NodeFacts {
    const { service, store } = this.#options;
    const { trial } = this.#guard;
    const { state } = this.#kept.open ?? {};
    const objects = [
      { type: SETTINGS_TYPE, ledger: state?.ledgers.settings },
      { type: MODEL_TYPE, ledger: state?.ledgers.models },
    ].flatMap(({ type, ledger }) =>
      [...(ledger?.entries() ?? [])].map(([id, entry]) => ({ type, id, entry })),
    );
    const ended = this.#ended;
    const tried = candidateOf(trial)?.content;
    const inUse = trial.t === "refused" ? (trial.instead?.content ?? tried) : tried;
    const used = trial.t === "checking" ? trial.case.lastGood?.content : inUse;
    return {
      ...{ service, trial, memory: store.memory, objects },
      state: ended === undefined ? this.#state : undefined,
      ended: ended === "unknown" ? undefined : ended,
      tried: this.#objectsIn(tried),
      used: this.#objectsIn(used),
    };
  }

  #renew(): void {
    if (!this.#isLoaded) return;
    this.#control.renew();
    this.#tellHub();
  }

  #texts(): Texts {
    const { hub } = this.#options.config;
    const file = this.#file?.current();
    return {
      file: file?.t === "text" ? file.text : undefined,
      hub: hub === "off" ? undefined : this.#kept.open?.state.documents.current()?.text,
    };
  }

  #unreadable(): Problem[] {
    const { settingsFile = "" } = this.#options.config;
    const file = this.#file?.current();
    if (file?.t !== "unreadable") return [];
    const place = { file: settingsFile, path: "" };
    return [problem("file-unreadable", place, `cannot be read: ${file.why}`)];
  }

  #onReconcilerEvent(event: ReconcilerEvent): void {
    if (event.t === "connected" && event.peer.board !== this.#board) {
      this.#board = event.peer.board;
      // A model may be for another board.
      this.#renew();
    }
    if (event.t === "told" && event.event.t === "state") {
      this.#state = event.event.state;
      this.#ended = undefined;
      this.#reporter?.changed();
    }
    if (event.t === "unreachable") this.#ended = event.previous ?? "unknown";
    if (!isFrame(event) || this.#options.config.showFrames) this.#report.trace(event);
    this.#guard.heard(event);
  }

  #onTrialEvent(event: TrialEvent): void {
    this.#options.trialTrace(event);
    if (event.t === "trial") this.#tellHub();
    this.#reporter?.changed();
  }

  /** What has passed its trial is consumed: the hub need not keep it for this node. */
  #tellHub(): void {
    const { trial } = this.#guard;
    if (trial.t !== "confirmed") return;
    this.#hub?.confirmed(this.#objectsIn(trial.candidate.content));
  }

  /** What of the hub's objects is in it, by its name here. */
  #objectsIn(kept: JsonValue | undefined): string[] {
    const content = readContent(kept);
    const { open } = this.#kept;
    if (content === undefined || open === undefined) return [];
    const document = open.state.documents.current();
    const found = [];
    if (document !== undefined && content.texts.hub === document.text) {
      found.push(documentKey(document));
    }
    const bundle = open.store.list().find(({ path }) => path === content.model);
    if (bundle !== undefined) found.push(`${bundle.manifest.name}@${bundle.manifest.version}`);
    return found;
  }
}

function isFrame(event: ReconcilerEvent): boolean {
  return event.t === "told" && event.event.t === "detections";
}
