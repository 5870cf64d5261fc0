/** Tells open pages what has changed, as server-sent events: once for all of them, and only while one is open. */

import type { ServerResponse } from "node:http";
import type { Clock } from "../../common/time/clock.js";

export interface PageUpdatesOptions {
  /** The state of everything, as JSON. Equal texts are sent once. */
  readonly state: () => string;
  readonly clock: Clock;
  /** Milliseconds since 1970: a browser's clock may differ. */
  readonly wallClock: () => number;
}

/** Pages at a time. */
const MOST_PAGES = 32;
const TICK_MS = 1_000;
/** A page that hears nothing for longer knows that the agent is away. */
const SILENT_TICKS = 5;
/** A page that reads more slowly is cut off, and connects again. */
const LONGEST_BACKLOG = 1024 * 1024;
/** Events that a page gets when it opens. */
const MOST_EVENTS = 100;

export class PageUpdates {
  readonly #options: PageUpdatesOptions;
  readonly #pages = new Set<ServerResponse>();
  readonly #events: string[] = [];
  #state = "";
  #ticks = 0;
  #stop: (() => void) | undefined;

  constructor(options: PageUpdatesOptions) {
    this.#options = options;
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  /** Returns whether there is room for one more. start: called before the first update. */
  add(response: ServerResponse, start: () => void): boolean {
    if (this.#pages.size >= MOST_PAGES) return false;
    this.#pages.add(response);
    response.once("close", () => {
      this.#pages.delete(response);
      if (this.#pages.size === 0) this.#rest();
    });
    start();
    const state = this.#options.state();
    response.write(this.#stateMessage(state) + message("events", list(this.#events)));
    // The next tick tells the pages that were open before what is new for them.
    if (this.#pages.size === 1) this.#state = state;
    if (this.#stop === undefined) this.#schedule();
    return true;
  }

  /** What has happened, as texts of JSON. */
  onEvents(texts: readonly string[]): void {
    this.#events.push(...texts.slice(-MOST_EVENTS));
    this.#events.splice(0, this.#events.length - MOST_EVENTS);
    this.#send(message("events", list(texts.slice(-MOST_EVENTS))));
  }

  /** Pages that are open must connect again. */
  disconnect(): void {
    for (const page of this.#pages) page.destroy();
  }

  /** Does nothing until another page opens. */
  #rest(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#stop = clock.at(clock.now() + TICK_MS, () => {
      this.#schedule();
      this.#tick();
    });
  }

  #tick(): void {
    const state = this.#options.state();
    this.#ticks++;
    if (state !== this.#state) {
      this.#state = state;
      this.#send(this.#stateMessage(state));
    } else if (this.#ticks >= SILENT_TICKS) {
      this.#send(message("still", "{}"));
    }
  }

  #stateMessage(state: string): string {
    return message("state", `{"timeMs":${this.#options.wallClock()},"state":${state}}`);
  }

  #send(text: string): void {
    this.#ticks = 0;
    for (const page of this.#pages) {
      if (page.writableLength > LONGEST_BACKLOG) page.destroy();
      else page.write(text);
    }
  }
}

function list(texts: readonly string[]): string {
  return `[${texts.join(",")}]`;
}

function message(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
