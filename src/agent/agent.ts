/** Joins the parts of the agent and runs them until it is stopped. */

import { setMaxListeners } from "node:events";
import { dirname, join } from "node:path";
import type { z } from "zod";
import { SecretFiles } from "../common/secrets/secret-files.js";
import { Alarm } from "../common/time/alarm.js";
import { ZoneDisplay } from "./analytics/zone-display.js";
import { Control } from "./control/control.js";
import { Maintenance } from "./control/maintenance.js";
import { NODE_SETTINGS_NAME, NodeSettings } from "./control/node-settings.js";
import { NodeStore } from "./control/node-store.js";
import { readContent } from "./control/render.js";
import { SettingsFile } from "./control/settings-file.js";
import { Events } from "./events/events.js";
import { HttpServer } from "./http/http-server.js";
import { countEvent, NO_TRANSITIONS } from "./http/transition-counts.js";
import { HubLink, type NodeContext } from "./hub-link.js";
import { ControlReport } from "./log/control-report.js";
import { EventsReport } from "./log/events-report.js";
import { HubReport } from "./log/hub-report.js";
import { SidecarReport, summary } from "./log/sidecar-report.js";
import { DEFAULT_TIMING, Reconciler, type ReconcilerEvent } from "./reconcile/reconciler.js";
import { SidecarClient } from "./sidecar/client.js";
import { PreviousWorkerFile } from "./sidecar/previous-worker.js";
import type { Peer, PreviousWorker } from "./sidecar/sidecar.js";
import type { State } from "./sidecar/state.js";
import type { VersionFailure } from "./trial/record.js";
import { limitsFrom } from "./trial/rules.js";
import { type TrialEvent, TrialRunner } from "./trial/runner.js";
import type { TrialStore } from "./trial/store.js";

/** For the last report of a version that has failed. The sync service is on the same machine. */
const LAST_REPORT_MS = 1000;

export interface AgentOptions extends NodeContext {
  readonly trialStore: TrialStore;
  /** Directory of the models that ship with the product. */
  readonly shippedModels: string;
  /** Must not throw. */
  readonly onTrialEvent: (event: TrialEvent) => void;
  /** The version of the service has failed its trial: the process must end in the way that Horizon notices. */
  readonly failVersion: (failure: VersionFailure) => void;
}

const MOST_LISTENERS = 50;

export class Agent {
  readonly #options: AgentOptions;
  readonly #report: SidecarReport;
  readonly #secrets: SecretFiles;
  readonly #file: SettingsFile | undefined;
  readonly #nodeSettings: NodeSettings;
  readonly #store: NodeStore;
  readonly #hub: HubLink;
  readonly #events: Events;
  readonly #zoneDisplay: ZoneDisplay;
  readonly #previousWorker: PreviousWorkerFile;
  readonly #reconciler: Reconciler;
  readonly #trials: TrialRunner;
  readonly #maintenance: Maintenance;
  readonly #alarm: Alarm;
  readonly #control: Control;
  readonly #http: HttpServer;
  #board: string | undefined;
  #peer: Peer | undefined;
  #counts = NO_TRANSITIONS;
  #state: State | undefined;
  /** How the last worker ended, while none answers. Undefined: one does. */
  #ended: PreviousWorker | "unknown" | undefined = "unknown";
  /** All sources have been read once: before, nothing is missing in any of them. */
  #isLoaded = false;

  constructor(options: AgentOptions) {
    const { config, service, trialStore, shippedModels, clock, wallClock, logs } = options;
    const log = logs("agent");
    const hubReport = new HubReport(logs("hub"));
    const onChange = () => this.#refresh();
    this.#options = options;
    this.#report = new SidecarReport(logs("report"), service.version);

    // Where settings come from.
    const { settingsFile: path, secretsDir: directory, socketPath } = config;
    this.#file = path === undefined ? path : new SettingsFile({ path, clock, onChange });
    this.#nodeSettings = new NodeSettings({
      path: join(config.stateDir, NODE_SETTINGS_NAME),
      cameras: () => this.#control.cameraList,
      problemsWith: (text) => this.#control.problemsWith(text),
      onChange: () => {
        log.info("settings applied on this node");
        onChange();
      },
    });
    this.#secrets = new SecretFiles({
      ...{ directory, clock },
      onChange: () => {
        this.#http.onSecrets();
        onChange();
      },
      onEvent: ({ t, ...facts }) => {
        if (t === "loaded") log.info("secret loaded", facts);
        else log.warn("secret cannot be used", facts);
      },
    });
    this.#store = new NodeStore({
      ...{ config, clock, shipped: shippedModels, board: () => this.#board },
      onEvent: hubReport.onEvent,
      onError: (err) => log.warn("cannot use the directories of models and hub objects", { err }),
      onOpen: () => {
        log.info("directories of models and hub objects are usable");
        void this.#nodeSettings.load().then(onChange);
      },
    });
    this.#hub = new HubLink({
      ...{ ...options, store: this.#store, report: hubReport, onChange },
      facts: () => this.#facts(),
    });

    const open = () => new SidecarClient({ socketPath, agentVersion: service.version });

    // Where events go.
    this.#events = new Events({
      ...{ stateDir: config.stateDir, node: options.node, clock, wallClock },
      ...{ redact: options.redact, openSidecar: open },
      onEvent: new EventsReport(logs("events")).onEvent,
      onOutgoing: (texts) => this.#http.onEvents(texts),
    });

    this.#zoneDisplay = new ZoneDisplay({
      ...{ clock, open, zones: () => this.#events.zones() },
      onRefused: (err) =>
        log.warn("sidecar does not draw zones and lines", { detail: err.details }),
    });

    // What they become: a candidate, a trial, a desired state of the sidecar.
    this.#control = new Control({
      ...{ config, version: service.version, models: this.#store, wallClock },
      file: () => this.#file?.current(),
      node: () => this.#nodeSettings.current(),
      hub: () => (config.hub === "off" ? null : this.#hubDocument()),
      secrets: () => this.#secrets.current(),
      lastGood: () => this.#lastGood(),
      consider: (candidate, lastGood) => this.#trials.consider(candidate, lastGood),
      setRuntimeOptions: ({ trial, maintenance, ...observed }) => {
        this.#trials.setLimits(limitsFrom(trial));
        this.#events.setOptions(observed);
        this.#zoneDisplay.notify();
        this.#reconciler.setDetections(
          config.showFrames || trial.detections !== undefined || this.#events.needsDetections,
        );
        this.#maintenance.set(maintenance);
      },
      wake: (atMs) => this.#alarm.set(atMs),
      hold: (paths) => this.#store.hold(paths),
      onEvent: new ControlReport(logs("settings")).onEvent,
    });
    this.#trials = new TrialRunner({
      ...{ service, clock, wallClock, store: trialStore },
      ...limitsFrom({ timeMs: config.trialMs }),
      apply: (desired) => this.#reconciler.setDesired(desired),
      check: (desired) => this.#reconciler.check(desired),
      failVersion: (failure) => void this.#failVersion(failure),
      onEvent: (event) => this.#onTrialEvent(event),
    });
    this.#previousWorker = new PreviousWorkerFile(dirname(socketPath));
    this.#reconciler = new Reconciler({
      ...{ clock, timing: DEFAULT_TIMING },
      open,
      previousWorker: () => this.#previousWorker.read(),
      onEvent: (event) => this.#onReconcilerEvent(event),
    });

    // What happens at a time.
    this.#alarm = new Alarm({ clock, wallClock, due: onChange });
    this.#maintenance = new Maintenance({
      clock,
      start: (job) => {
        if (job === "report") log.info("report", summary(this.#state, this.#trials.trial));
        else this.#hub.poll();
      },
    });

    this.#http = new HttpServer({
      ...{ config, clock, redact: options.redact, version: service.version, log: logs("http") },
      secrets: () => this.#secrets.current(),
      decideTrial: (decision) => {
        const counts = this.#trials.decide(decision);
        if (counts) log.info("a person has decided about the trial", { decision });
        return counts;
      },
      nodeSettings: this.#nodeSettings,
      picture: (id) => this.#events.picture(id),
      facts: () => ({
        ...this.#facts(),
        version: service.version,
        peer: this.#peer,
        counts: this.#counts,
        nowMs: wallClock(),
      }),
    });
  }

  /** Texts of the secret files, which no output may hold; the same array while they are the same. */
  get secretTexts(): readonly string[] {
    return this.#secrets.toHide();
  }

  /** Passwords of everything that is or was to run, likewise. */
  get passwords(): readonly string[] {
    return this.#control.passwords;
  }

  /** Runs until the signal is aborted; returns when nothing is under way any more. */
  async run(signal: AbortSignal): Promise<void> {
    // All parts listen to it, and what each waits for: a few more than the ten at which Node.js warns of a leak.
    setMaxListeners(MOST_LISTENERS, signal);
    await Promise.all([
      this.#secrets.load(),
      this.#file?.load(),
      this.#nodeSettings.load(),
      this.#store.load(),
      this.#previousWorker.load(),
      this.#events.load(),
    ]);
    this.#isLoaded = true;
    this.#refresh();
    await Promise.all([
      this.#secrets.run(signal),
      this.#file?.run(signal),
      this.#hub.run(signal),
      this.#trials.run(signal),
      this.#reconciler.run(signal),
      this.#alarm.run(signal),
      this.#maintenance.run(signal),
      this.#events.run(signal),
      this.#zoneDisplay.run(signal),
      this.#http.run(signal),
    ]);
  }

  /** A source has changed, or hours have. */
  #refresh(): void {
    if (!this.#isLoaded) return;
    this.#control.refresh();
    this.#hub.confirm(this.#trials.trial);
  }

  /** What node report and HTTP both tell. */
  #facts() {
    return {
      trial: this.#trials.trial,
      record: this.#options.trialStore.record,
      state: this.#ended === undefined ? this.#state : undefined,
      ended: this.#ended === "unknown" ? undefined : this.#ended,
    };
  }

  #hubDocument(): string | null {
    return this.#store.open?.hub.documents.current()?.text ?? null;
  }

  /** Undefined if the hub has withdrawn it: then nothing rolls back to it, and no new version is tried with it. */
  #lastGood(): z.JSONType | undefined {
    const content = this.#options.trialStore.record.lastGood?.content;
    const text = readContent(content)?.hub ?? undefined;
    const isWithdrawn =
      text !== undefined && this.#store.open?.hub.documents.isWithdrawn(text) === true;
    return isWithdrawn ? undefined : content;
  }

  #onReconcilerEvent(event: ReconcilerEvent): void {
    if (event.t === "disconnected") this.#zoneDisplay.onDisconnected();
    if (event.t === "connected") {
      this.#zoneDisplay.onConnected();
      this.#peer = event.peer;
      this.#counts = { ...this.#counts, connections: this.#counts.connections + 1 };
      if (event.peer.board !== this.#board) {
        this.#board = event.peer.board;
        // A model may be for another board.
        this.#refresh();
      }
    }
    if (event.t === "update") this.#counts = countEvent(this.#counts, event.event);
    if (event.t === "update" && event.event.t === "state") {
      this.#state = event.event.state;
      this.#ended = undefined;
      this.#hub.onFacts();
    }
    if (event.t === "unreachable") this.#ended = event.previous ?? "unknown";
    const isFrame = event.t === "update" && event.event.t === "detections";
    if (!isFrame || this.#options.config.showFrames) this.#report.onEvent(event);
    this.#trials.onEvent(event);
    this.#events.onReconcilerEvent(event, this.#trials.trial.t === "self-testing");
  }

  #onTrialEvent(event: TrialEvent): void {
    this.#options.onTrialEvent(event);
    this.#events.onTrialEvent(event);
    if (event.t === "trial") this.#hub.confirm(event.trial);
    this.#hub.onFacts();
  }

  /** Reports first: this process is about to end, and its log with it. */
  async #failVersion(failure: VersionFailure): Promise<void> {
    await this.#hub.sendReport(AbortSignal.timeout(LAST_REPORT_MS));
    this.#options.failVersion(failure);
  }
}
