/** Logs what comes from the hub and whether the node report reaches it. One line per change. */

import type { HubEvent, ObjectName } from "../hub/object-sync.js";
import type { ReporterEvent } from "../node-report/reporter.js";
import { LastLogged } from "./last-logged.js";
import type { Log } from "./log.js";

/** A service that is down for longer is not just restarting. */
const LONG_OUTAGE_MS = 30_000;

type EventOf<T extends HubEvent["t"]> = Extract<HubEvent, { t: T }>;

export class HubReport {
  readonly #log: Log;
  readonly #last = new LastLogged();

  constructor(log: Log) {
    this.#log = log;
  }

  readonly trace = (event: HubEvent | ReporterEvent): void => {
    const object = "object" in event ? fieldsOf(event.object) : {};
    switch (event.t) {
      case "unreachable":
        this.#unreachable(event);
        break;
      case "reachable":
        this.#reachable(event);
        break;
      case "downloading":
        this.#log.info("downloading object", { ...object, bytes: event.bytes });
        break;
      case "resumed":
        this.#log.info("download resumed", { ...object, bytes: event.bytes });
        break;
      case "superseded":
        this.#log.info("object replaced during its download", object);
        break;
      case "postponed":
        this.#postponed(event);
        break;
      case "accepted":
        this.#last.set(subjectOf(event.object), event.t);
        this.#log.info("object accepted", { ...object, contentId: event.contentId });
        break;
      case "refused":
        this.#last.set(subjectOf(event.object), event.t);
        this.#log.error("object refused", { ...object, detail: event.reason });
        break;
      case "withdrawn":
        this.#last.set(subjectOf(event.object), event.t);
        this.#log.info("object withdrawn by the hub", { ...object, contentId: event.contentId });
        break;
      case "acknowledged":
        this.#log.debug("object acknowledged", { ...object, as: event.ack });
        break;
      case "state lost":
        this.#log.warn("sync ledger unreadable, rescanning", { detail: event.detail });
        break;
      case "store":
        this.#store(event);
        break;
      case "report not sent": {
        const { code: reason, message: detail } = event.err;
        this.#log.warn("cannot send node report", { reason, detail });
        break;
      }
      case "report sent again":
        this.#log.info("node report sent again");
        break;
      default:
        event satisfies never;
    }
  };

  #unreachable({ type, err, forMs }: EventOf<"unreachable">): void {
    const { code: reason, message: detail } = err;
    // Only these pass by themselves when the service has restarted.
    const isTransient = reason === "unreachable" || reason === "timeout" || reason === "busy";
    if (isTransient && forMs < LONG_OUTAGE_MS) {
      if (this.#last.setTransient(type, "absent")) {
        this.#log.debug("Edge Sync Service does not answer yet", { type, reason, detail });
      }
      return;
    }
    if (!this.#last.setFailure(type, reason)) return;
    const seconds = Math.round(forMs / 1000);
    this.#log.warn("Edge Sync Service does not answer", { type, seconds, reason, detail });
  }

  #reachable({ type }: EventOf<"reachable">): void {
    const wasFailure = this.#last.isFailure(type);
    const isFirst = this.#last.get(type) === undefined;
    this.#last.set(type, "reachable");
    if (wasFailure) this.#log.info("Edge Sync Service answers again", { type });
    else if (isFirst) this.#log.debug("Edge Sync Service answers", { type });
  }

  #postponed({ object, reason: detail, delayMs }: EventOf<"postponed">): void {
    if (!this.#last.setFailure(subjectOf(object), detail)) return;
    const seconds = Math.round(delayMs / 1000);
    this.#log.warn("object postponed, trying again", { ...fieldsOf(object), seconds, detail });
  }

  #store({ event }: EventOf<"store">): void {
    switch (event.t) {
      case "removed": {
        const { bundle, bytes, why: detail } = event;
        this.#log.info("model removed", { model: bundle, bytes, detail });
        break;
      }
      case "unreadable": {
        const { path, detail } = event;
        this.#log.warn("directory in the model store is not a bundle", { path, detail });
        break;
      }
      default:
        event satisfies never;
    }
  }
}

function fieldsOf({ type, id, version }: ObjectName): Record<string, string> {
  return { type, id, ...(version === "" ? {} : { version }) };
}

function subjectOf({ type, id }: ObjectName): string {
  return `${type} ${id}`;
}
