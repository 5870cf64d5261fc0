/** Wires the rooms of the agent and runs them until it is stopped. */

import { dirname } from "node:path";
import { readContent, type Texts } from "./control/content.js";
import { Control } from "./control/control.js";
import { Kept } from "./control/kept.js";
import type { Config } from "./desired/config.js";
import { parseDocument } from "./desired/document.js";
import { type DocumentFault, describeDocumentFault } from "./desired/document-fault.js";
import { SettingsFile } from "./desired/settings-file.js";
import { Maintenance } from "./hours/maintenance.js";
import { documentKey } from "./hub/documents.js";
import type { EssPlace } from "./hub/ess-address.js";
import { ESS_TIMING, EssClient } from "./hub/ess-client.js";
import { Hub } from "./hub/hub.js";
import { ControlReport } from "./operator/control-report.js";
import { HubReport } from "./operator/hub-report.js";
import type { Log } from "./operator/log.js";
import { Report } from "./operator/report.js";
import { summary } from "./operator/summary.js";
import { DEFAULT_TIMING, type Happening, Reconciler } from "./reconcile/reconciler.js";
import { SecretFiles } from "./secrets/secret-files.js";
import { SidecarClient } from "./sidecar/client.js";
import { EndedFile } from "./sidecar/ended-file.js";
import type { State } from "./sidecar/state.js";
import { Alarm } from "./time/alarm.js";
import type { Clock } from "./time/clock.js";
import { Guard } from "./trial/guard.js";
import type { TrialHappening } from "./trial/happening.js";
import type { Failure } from "./trial/memory.js";
import { boundsOf, timesOf } from "./trial/rules.js";
import type { Service } from "./trial/service-version.js";
import type { TrialStore } from "./trial/store.js";

export interface AgentOptions {
  readonly config: Config;
  readonly service: Service;
  readonly ess: EssPlace;
  readonly store: TrialStore;
  /** Directory of the bundles that ship with the product. */
  readonly shippedModels: string;
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  readonly logs: (component: string) => Log;
  /** Must not throw. */
  readonly trialTrace: (happening: TrialHappening) => void;
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
  #board: string | undefined;
  #state: State | undefined;
  /** All sources have been read once: before, what is missing in one of them is no news. */
  #isLoaded = false;

  constructor(options: AgentOptions) {
    const { config, service, store, clock, wallClock, logs, fail } = options;
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
      trace: (happening) => this.#heard(happening),
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
      fail,
      trace: (happening) => this.#trialHappened(happening),
    });
    this.#alarm = new Alarm({ clock, wallClock, due: renew });
    this.#maintenance = new Maintenance({
      clock,
      wallClock,
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
      lastGood: () => store.memory.lastGood?.content,
      wallClock,
      consider: (candidate, lastGood) => this.#guard.consider(candidate, lastGood),
      conduct: ({ trial, maintenance }) => {
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

  async #runHub(signal: AbortSignal): Promise<void> {
    const { config, ess: place, service, clock, logs } = this.#options;
    if (config.hub !== "off" && place.t === "unusable") {
      logs("hub").warn("the hub cannot be asked", { detail: place.detail });
    }
    const open = await this.#kept.opened(signal);
    if (open === undefined || config.hub === "off" || place.t !== "ess") return;
    const ess = new EssClient({ address: place.address, ...ESS_TIMING });
    this.#hub = new Hub({
      ...open,
      ess,
      check: (text, name) => {
        const reading = parseDocument(text, name);
        return reading.t === "refused" ? reading.faults.map(describeDocumentFault) : [];
      },
      version: service.version,
      clock,
      trace: this.#hubReport.trace,
      changed: () => this.#renew(),
    });
    this.#tellHub();
    try {
      await this.#hub.run(signal);
    } finally {
      ess.close();
    }
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

  #unreadable(): DocumentFault[] {
    const { settingsFile: document = "" } = this.#options.config;
    const file = this.#file?.current();
    if (file?.t !== "unreadable") return [];
    return [{ document, path: "", line: undefined, what: `cannot be read: ${file.why}` }];
  }

  #heard(happening: Happening): void {
    if (happening.t === "connected" && happening.peer.board !== this.#board) {
      this.#board = happening.peer.board;
      // A model may be for another board.
      this.#renew();
    }
    if (happening.t === "told" && happening.event.t === "state")
      this.#state = happening.event.state;
    if (!isFrame(happening) || this.#options.config.showFrames) this.#report.trace(happening);
    this.#guard.heard(happening);
  }

  #trialHappened(happening: TrialHappening): void {
    this.#options.trialTrace(happening);
    if (happening.t === "trial") this.#tellHub();
  }

  /** What has passed its trial is consumed: the hub need not keep it for this node. */
  #tellHub(): void {
    const { trial } = this.#guard;
    const { open } = this.#kept;
    if (trial.t !== "confirmed" || open === undefined) return;
    const content = readContent(trial.candidate.content);
    const document = open.state.documents.current();
    const passed = [];
    if (document !== undefined && content?.texts.hub === document.text) {
      passed.push(documentKey(document));
    }
    const bundle = open.store.list().find(({ path }) => path === content?.model);
    if (bundle !== undefined) passed.push(`${bundle.manifest.name}@${bundle.manifest.version}`);
    this.#hub?.confirmed(passed);
  }
}

function isFrame(happening: Happening): boolean {
  return happening.t === "told" && happening.event.t === "detections";
}
