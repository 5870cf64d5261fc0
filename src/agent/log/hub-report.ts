/** Tells the operator what came from the hub: one line a change, and none for what goes on as before. */

import type { HubEvent, ObjectName } from "../hub/events.js";
import type { ReporterEvent } from "../node-report/reporter.js";
import type { Log } from "./log.js";
import { Said } from "./said.js";

/** A service that is away for longer has not just been started anew. */
const LONG_ABSENCE_MS = 30_000;

type Of<T extends HubEvent["t"]> = Extract<HubEvent, { t: T }>;

export class HubReport {
  readonly #log: Log;
  readonly #said = new Said();

  constructor(log: Log) {
    this.#log = log;
  }

  /** To be given to the hub; the store's events come as `store`. */
  readonly trace = (event: HubEvent | ReporterEvent): void => {
    switch (event.t) {
      case "away":
        this.#away(event);
        break;
      case "reached":
        this.#reached(event);
        break;
      case "arriving": {
        const { object, bytes } = event;
        this.#log.info("object from the hub arrives", { ...fieldsOf(object), bytes });
        break;
      }
      case "resumed": {
        const { object, bytes } = event;
        this.#log.info("download goes on", { ...fieldsOf(object), bytes });
        break;
      }
      case "superseded":
        this.#log.info("object was replaced while it came", fieldsOf(event.object));
        break;
      case "delayed":
        this.#delayed(event);
        break;
      case "taken": {
        const { object, what } = event;
        this.#said.isNews(subjectOf(object), "taken");
        this.#log.info("object from the hub taken", { ...fieldsOf(object), as: what });
        break;
      }
      case "refused": {
        const { object, reason: detail } = event;
        this.#said.isNews(subjectOf(object), "refused");
        this.#log.error("object from the hub refused", { ...fieldsOf(object), detail });
        break;
      }
      case "withdrawn": {
        const { object, what } = event;
        this.#said.isNews(subjectOf(object), "withdrawn");
        this.#log.info("object withdrawn by the hub", { ...fieldsOf(object), as: what });
        break;
      }
      case "answered": {
        const { object, answer } = event;
        this.#log.debug("hub answered", { ...fieldsOf(object), answer });
        break;
      }
      case "forgotten":
        this.#log.warn("notes on the hub's objects are lost: all are looked at anew", {
          detail: event.detail,
        });
        break;
      case "store":
        this.#store(event);
        break;
      case "report not sent": {
        const { code: reason, message: detail } = event.err;
        this.#log.warn("report of this node cannot be sent to the hub", { reason, detail });
        break;
      }
      case "report sent again":
        this.#log.info("report of this node is sent to the hub again");
        break;
      default:
        event satisfies never;
    }
  };

  #away({ type, err, forMs }: Of<"away">): void {
    const { code: reason, message: detail } = err;
    // A refusal does not pass by itself, as the start of a service does.
    const passes = reason === "unreachable" || reason === "timeout" || reason === "busy";
    if (passes && forMs < LONG_ABSENCE_MS) {
      if (this.#said.isNewsInPassing(type, "absent")) {
        this.#log.debug("the hub's service does not answer yet", { type, reason, detail });
      }
      return;
    }
    if (!this.#said.isNewTrouble(type, reason)) return;
    const seconds = Math.round(forMs / 1000);
    this.#log.warn("the hub's service does not answer", { type, seconds, reason, detail });
  }

  #reached({ type }: Of<"reached">): void {
    const wasTrouble = this.#said.isTrouble(type);
    const isFirst = this.#said.last(type) === undefined;
    this.#said.isNews(type, "well");
    if (wasTrouble) this.#log.info("the hub's service answers again", { type });
    else if (isFirst) this.#log.debug("the hub's service answers", { type });
  }

  #delayed({ object, detail, pauseMs }: Of<"delayed">): void {
    if (!this.#said.isNewTrouble(subjectOf(object), detail)) return;
    const seconds = Math.round(pauseMs / 1000);
    this.#log.warn("object from the hub is delayed", { ...fieldsOf(object), seconds, detail });
  }

  #store({ event }: Of<"store">): void {
    switch (event.t) {
      case "removed": {
        const { bundle, bytes, why: detail } = event;
        this.#log.info("model removed", { model: bundle, bytes, detail });
        break;
      }
      case "unreadable":
        this.#log.warn("directory in the model store is no model", {
          path: event.path,
          detail: event.detail,
        });
        break;
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
