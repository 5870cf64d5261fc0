/** What the agent tells the page as it happens, and whether it still does. */

import type { ApiState } from "../common/api/schema.js";

export interface PageState extends Omit<ApiState, "time"> {
  readonly page: { readonly pages: number; readonly viewers: number };
}

/** A CloudEvent: docs/events.md. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface UpdateCallbacks {
  /** timeMs: the agent's clock. */
  readonly onState: (state: PageState, timeMs: number) => void;
  readonly onEvents: (events: readonly OutgoingEvent[]) => void;
  /** Undefined: the agent is there. */
  readonly onAway: (why: string | undefined) => void;
}

/** The agent says something at least every five seconds. */
const SILENT_MS = 12_000;
const RETRY_MS = 2_000;

/** Runs until the page is closed. */
export function followUpdates(callbacks: UpdateCallbacks): void {
  let silence: number | undefined;
  const source = new EventSource("/api/v1/live");
  const again = (why: string) => {
    source.close();
    clearTimeout(silence);
    callbacks.onAway(why);
    setTimeout(() => followUpdates(callbacks), RETRY_MS);
  };
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => again("it says nothing"), SILENT_MS);
    callbacks.onAway(undefined);
  };
  source.addEventListener("state", ({ data }: MessageEvent<string>) => {
    heard();
    const { state, timeMs } = JSON.parse(data) as { state: PageState; timeMs: number };
    callbacks.onState(state, timeMs);
  });
  source.addEventListener("events", ({ data }: MessageEvent<string>) => {
    heard();
    callbacks.onEvents(JSON.parse(data) as OutgoingEvent[]);
  });
  source.addEventListener("still", heard);
  source.addEventListener("error", () => again("it does not answer, or too many pages are open"));
}
