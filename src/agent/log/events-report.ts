/** Logs where events go: the queue and its sinks. One line per change. */

import type { EventsEvent } from "../events/events.js";
import { type Log, type LogLine, write } from "./log.js";

export class EventsReport {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  readonly onEvent = (event: EventsEvent): void => write(this.#log, lineOf(event));
}

function lineOf(event: EventsEvent): LogLine {
  switch (event.t) {
    case "queue failed": {
      const detail = `${event.err.message}; free or mount the volume of STATE_DIR`;
      const consequence = "events wait in memory, and a restart loses them";
      return ["error", "cannot write the queue of events", { detail, consequence }];
    }
    case "queue works again":
      return ["info", "queue of events works again"];
    case "queue unreadable": {
      const { aside, err } = event;
      const detail = "events that had not reached every sink are lost";
      return [
        "error",
        "queue of events unreadable, starting with an empty one",
        { aside, detail, err },
      ];
    }
    case "events dropped": {
      const { sink, count } = event;
      return ["warn", "events dropped, the queue is full or they were too old", { sink, count }];
    }
    case "sink connected":
      return ["info", "events reach the sink", { sink: event.sink }];
    case "sink failed": {
      const { sink, err } = event;
      return ["warn", "events cannot reach the sink, they wait", { sink, detail: err.message }];
    }
    case "events refused": {
      const { sink, count, why: detail } = event;
      return ["warn", "sink refuses events, they are lost for it", { sink, count, detail }];
    }
    case "picture failed":
      return ["warn", "cannot keep pictures of events", { detail: event.err.message }];
    case "pictures work again":
      return ["info", "pictures of events work again"];
    case "cannot be followed": {
      const { path, err } = event;
      return ["warn", "slipstream events cannot follow events", { path, detail: err.message }];
    }
    default:
      return event satisfies never;
  }
}
