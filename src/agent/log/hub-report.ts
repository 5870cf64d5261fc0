/** Logs the objects that come from the hub, and whether the node report reaches it. One line per change. */

import type { HubEvent, ObjectName } from "../hub/object-sync.js";
import type { StoreEvent } from "../models/store.js";
import type { ReporterEvent } from "../node-report/reporter.js";
import { LastLogged } from "./last-logged.js";
import { type Log, type LogLine, write } from "./log.js";

/** A service that is down for longer is not just restarting. */
const LONG_OUTAGE_MS = 30_000;

type EventOf<T extends HubEvent["t"]> = Extract<HubEvent, { t: T }>;

export class HubReport {
  readonly #log: Log;
  readonly #last = new LastLogged();

  constructor(log: Log) {
    this.#log = log;
  }

  readonly onEvent = (event: HubEvent | ReporterEvent): void => {
    const line = this.#lineOf(event);
    if (line !== undefined) write(this.#log, line);
  };

  #lineOf(event: HubEvent | ReporterEvent): LogLine | undefined {
    const object = "object" in event ? fieldsOf(event.object) : {};
    switch (event.t) {
      case "unreachable":
        return this.#unreachable(event);
      case "reachable":
        return this.#reachable(event);
      case "downloading":
        return ["info", "downloading object", { ...object, bytes: event.bytes }];
      case "resumed":
        return ["info", "download resumed", { ...object, bytes: event.bytes }];
      case "superseded":
        return ["info", "object replaced during its download", object];
      case "postponed": {
        const { reason: detail, delayMs } = event;
        if (!this.#last.setFailure(subjectOf(event.object), detail)) return undefined;
        const seconds = Math.round(delayMs / 1000);
        return ["warn", "object postponed, trying again", { ...object, seconds, detail }];
      }
      case "accepted":
        this.#last.set(subjectOf(event.object), event.t);
        return ["info", "object accepted", { ...object, contentId: event.contentId }];
      case "refused":
        this.#last.set(subjectOf(event.object), event.t);
        return ["error", "object refused", { ...object, detail: event.reason }];
      case "withdrawn":
        this.#last.set(subjectOf(event.object), event.t);
        return ["info", "object withdrawn by the hub", { ...object, contentId: event.contentId }];
      case "acknowledged":
        return ["debug", "object acknowledged", { ...object, as: event.ack }];
      case "state lost":
        return ["warn", "sync ledger unreadable, rescanning", { detail: event.detail }];
      case "store":
        return storeLine(event.event);
      case "report not sent": {
        const { code: reason, message: detail } = event.err;
        return ["warn", "cannot send node report", { reason, detail }];
      }
      case "report sent again":
        return ["info", "node report sent again"];
      default:
        return event satisfies never;
    }
  }

  #unreachable({ type, err, forMs }: EventOf<"unreachable">): LogLine | undefined {
    const { code: reason, message: detail } = err;
    // Only these pass by themselves when the service has restarted.
    const isTransient = reason === "unreachable" || reason === "timeout" || reason === "busy";
    if (isTransient && forMs < LONG_OUTAGE_MS) {
      if (!this.#last.setTransient(type, "absent")) return undefined;
      return ["debug", "Edge Sync Service does not answer yet", { type, reason, detail }];
    }
    if (!this.#last.setFailure(type, reason)) return undefined;
    const seconds = Math.round(forMs / 1000);
    return ["warn", "Edge Sync Service does not answer", { type, seconds, reason, detail }];
  }

  #reachable({ type }: EventOf<"reachable">): LogLine | undefined {
    const wasFailure = this.#last.isFailure(type);
    const isFirst = this.#last.get(type) === undefined;
    this.#last.set(type, "reachable");
    if (wasFailure) return ["info", "Edge Sync Service answers again", { type }];
    return isFirst ? ["debug", "Edge Sync Service answers", { type }] : undefined;
  }
}

function storeLine(event: StoreEvent): LogLine {
  switch (event.t) {
    case "removed": {
      const { bundle: model, bytes, why: detail } = event;
      return ["info", "model removed", { model, bytes, detail }];
    }
    case "unreadable": {
      const { path, detail } = event;
      return ["warn", "directory in the model store is not a bundle", { path, detail }];
    }
    default:
      return event satisfies never;
  }
}

function fieldsOf({ type, id, version }: ObjectName): Record<string, string> {
  return { type, id, ...(version === "" ? {} : { version }) };
}

function subjectOf({ type, id }: ObjectName): string {
  return `${type} ${id}`;
}
