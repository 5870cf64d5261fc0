/** The latest events, the newest first. */

import { element } from "./dom.js";
import { clockTime } from "./text.js";
import type { OutgoingEvent } from "./updates.js";

const MOST_SHOWN = 100;

export class EventList {
  readonly #list: HTMLElement;
  readonly #ids = new Set<string>();

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  /** Events that are shown already come again after a reconnection. */
  add(events: readonly OutgoingEvent[]): void {
    for (const event of events) {
      if (this.#ids.has(event.id)) continue;
      this.#ids.add(event.id);
      const time = element(
        "time",
        { dateTime: event.time, className: "quiet" },
        clockTime(event.time),
      );
      this.#list.prepend(element("li", {}, time, textOf(event)));
    }
    while (this.#list.children.length > MOST_SHOWN) this.#list.lastElementChild?.remove();
    if (this.#ids.size > 10 * MOST_SHOWN) this.#ids.clear();
  }
}

function textOf({ type, data }: OutgoingEvent): string {
  const { camera, output, zone, line, state, reason, detail, direction, count, object } = data;
  const { result, reasons } = data;
  const label = (object as { class?: string } | undefined)?.class;
  const words = [camera, output, zone, line, label, direction, state, count, result];
  words.push(reason, detail, ...(Array.isArray(reasons) ? reasons : []));
  const name = type.replace(/^.*slipstream\./, "");
  return `${name}: ${words.filter((word) => word !== undefined && word !== "").join(", ")}`;
}
