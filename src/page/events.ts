/** The latest events, the newest first, and how many objects zones and lines have counted. */

import type { EventData } from "../common/events/types.js";
import { element } from "./dom.js";
import { clockTime } from "./text.js";
import type { OutgoingEvent } from "./updates.js";

type Counts = EventData["camera.counts"];

const MOST_SHOWN = 100;
/** Ids of the latest events; the agent sends no more than a hundred of them again. */
const MOST_KNOWN = 1000;
/** A picture is there a moment after its event. */
const PICTURE_MS = 2_000;

export class EventList {
  readonly #list: HTMLElement;
  readonly #counts: HTMLElement;
  /** The latest of each camera. */
  readonly #countsOf = new Map<string, Counts>();
  readonly #ids = new Set<string>();

  constructor(list: HTMLElement, counts: HTMLElement) {
    this.#list = list;
    this.#counts = counts;
  }

  /** Events that are shown already come again after a reconnection. */
  add(events: readonly OutgoingEvent[]): void {
    for (const event of events) {
      if (this.#ids.has(event.id)) continue;
      this.#ids.add(event.id);
      if (nameOf(event) === "camera.counts") {
        // Events have the data of their types.
        this.#showCounts(event.data as unknown as Counts);
        continue;
      }
      const time = element(
        "time",
        { dateTime: event.time, className: "quiet" },
        clockTime(event.time),
      );
      this.#list.prepend(
        element("li", {}, time, element("div", {}, textOf(event), ...pictureOf(event))),
      );
    }
    while (this.#list.children.length > MOST_SHOWN) this.#list.lastElementChild?.remove();
    for (const id of this.#ids) {
      if (this.#ids.size <= MOST_KNOWN) break;
      this.#ids.delete(id);
    }
  }

  #showCounts(counts: Counts): void {
    this.#countsOf.set(counts.camera, counts);
    const entries = [...this.#countsOf.values()].flatMap(({ camera, zones, lines }) => [
      ...Object.entries(zones).map(([id, { hour, day }]) => {
        return [
          `${camera}, zone ${id}`,
          `entered by ${hour} in the last hour, ${day} in a day`,
        ] as const;
      }),
      ...Object.entries(lines).map(([id, ways]) => {
        const [into, out] = [ways.in, ways.out];
        const text = `${into.hour} in and ${out.hour} out in the last hour, ${into.day} and ${out.day} in a day`;
        return [`${camera}, line ${id}`, text] as const;
      }),
    ]);
    const items = entries.flatMap(([name, text]) => [
      element("dt", {}, name),
      element("dd", {}, text),
    ]);
    this.#counts.replaceChildren(...items);
  }
}

/** A picture of the event, which opens in full; nothing if it is no longer kept. */
function pictureOf({ data, type }: OutgoingEvent): HTMLElement[] {
  if (typeof data["picture"] !== "string") return [];
  const href = `/api/v1/pictures/${encodeURIComponent(data["picture"])}`;
  const image = element("img", { alt: `Picture of ${type}`, loading: "lazy", src: href });
  const link = element("a", { href, target: "_blank" }, image);
  const again = () => {
    image.src = `${href}?again`;
    image.addEventListener("error", () => link.remove(), { once: true });
  };
  image.addEventListener("error", () => setTimeout(again, PICTURE_MS), { once: true });
  return [link];
}

function nameOf({ type }: OutgoingEvent): string {
  return type.replace(/^.*slipstream\./, "");
}

function textOf(event: OutgoingEvent): string {
  const { data } = event;
  const { camera, output, zone, line, state, reason, detail, direction, count, object } = data;
  const { result, reasons } = data;
  const label = (object as { class?: string } | undefined)?.class;
  const words = [camera, output, zone, line, label, direction, state, count, result];
  words.push(reason, detail, ...(Array.isArray(reasons) ? reasons : []));
  return `${nameOf(event)}: ${words.filter((word) => word !== undefined && word !== "").join(", ")}`;
}
