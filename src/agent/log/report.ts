/** Tells the operator what changed: one line a change, and none for what goes on as before. */

import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import type { Problem } from "../sidecar/sidecar.js";
import type { SidecarEvent } from "../sidecar/state.js";
import type { Log } from "./log.js";
import { Said } from "./said.js";
import { StatusReport } from "./status-report.js";

/** An absence that is longer than any start or restart of the sidecar. */
const LONG_ABSENCE_MS = 10_000;

const LEVELS = { error: "error", warning: "warn", notice: "debug" } as const;
const MESSAGES = {
  error: "specification refused",
  warning: "problem in the specification",
  notice: "note on the specification",
} as const;

const SIDECAR = "sidecar";
const SPECIFICATION = "specification";

type Of<T extends ReconcilerEvent["t"]> = Extract<ReconcilerEvent, { t: T }>;

export class Report {
  readonly #log: Log;
  readonly #version: string;
  readonly #status: StatusReport;
  readonly #said = new Said();
  #instanceId = "";

  /** version: the agent's own, which the sidecar's has to be. */
  constructor(log: Log, version: string) {
    this.#log = log;
    this.#version = version;
    this.#status = new StatusReport(log);
  }

  /** To be given to the reconciler. */
  readonly trace = (event: ReconcilerEvent): void => {
    switch (event.t) {
      case "unreachable":
        this.#unreachable(event);
        break;
      case "connected":
        this.#connected(event);
        break;
      case "disconnected":
        this.#disconnected(event);
        break;
      case "applied":
        this.#applied(event);
        break;
      case "refused":
        this.#refused(event);
        break;
      case "checked":
        // Whoever asked tells what came of it.
        break;
      case "update":
        this.#sidecarIsWell();
        this.#status.tell(this.#withoutRefusal(event.event));
        break;
      default:
        event satisfies never;
    }
  };

  #unreachable({ err, forMs, previous }: Of<"unreachable">): void {
    const { code: reason, details: detail } = err;
    if (this.#said.last(SIDECAR) === undefined) {
      this.#said.isNews(SIDECAR, "awaited");
      this.#log.debug("waiting for the sidecar", { detail });
    }
    if (forMs < LONG_ABSENCE_MS || !this.#said.isNewTrouble(SIDECAR, `absent, ${reason}`)) return;
    const seconds = Math.round(forMs / 1000);
    this.#log.warn("sidecar does not answer", {
      ...{ seconds, reason, detail },
      ...(previous === undefined ? {} : { previous }),
    });
  }

  #connected({ peer }: Of<"connected">): void {
    const { instanceId, previous, ...facts } = peer;
    if (instanceId === this.#instanceId) return;
    this.#instanceId = instanceId;
    this.#said.clear();
    this.#said.isNews(SIDECAR, "well");
    this.#status.startAnew();
    const known = Object.entries(facts).filter(([, value]) => value !== "");
    this.#log.info("sidecar connected", Object.fromEntries(known));
    if (peer.version !== this.#version) {
      const detail = "build both images from one commit: what a trial says of a version is of both";
      this.#log.warn("sidecar is of another version", {
        ...{ version: peer.version, agent: this.#version, detail },
      });
    }
    if (previous !== undefined) this.#log.warn("the worker before this one died", { ...previous });
  }

  #disconnected({ why, err }: Of<"disconnected">): void {
    if (!this.#said.isNewTrouble(SIDECAR, `${why}, ${err?.method} ${err?.code}`)) return;
    this.#log.warn("sidecar lost", { reason: why, detail: err?.message });
  }

  #applied({ generation, verdict }: Of<"applied">): void {
    this.#sidecarIsWell();
    if (!this.#said.isNews(SPECIFICATION, generation)) return;
    const changes = verdict.changes.map(({ path, effect }) => `${path} ${effect}`);
    this.#log.debug("specification accepted", { generation, changes });
    this.#problems(verdict.problems);
  }

  #refused({ generation, problems }: Of<"refused">): void {
    this.#sidecarIsWell();
    // The same is asked again now and then.
    if (!this.#said.isNewTrouble(SPECIFICATION, JSON.stringify([generation, problems]))) return;
    this.#problems(problems);
  }

  /** A pipeline that has nothing to run because of a refusal is no news: the refusal was told. */
  #withoutRefusal(event: SidecarEvent): SidecarEvent {
    const refused = this.#said.isTrouble(SPECIFICATION);
    if (event.t === "pipeline" && event.pipeline.t === "failed" && refused) return { t: "unknown" };
    if (event.t === "state" && event.state.pipeline.t === "failed" && refused) {
      return { t: "state", state: { ...event.state, pipeline: { t: "unknown" } } };
    }
    return event;
  }

  #problems(problems: readonly Problem[]): void {
    for (const { severity, code, path, message: detail } of problems) {
      this.#log[LEVELS[severity]](MESSAGES[severity], { path, reason: code, detail });
    }
  }

  #sidecarIsWell(): void {
    const wasTrouble = this.#said.isTrouble(SIDECAR);
    this.#said.isNews(SIDECAR, "well");
    if (wasTrouble) this.#log.info("sidecar answers again");
  }
}
