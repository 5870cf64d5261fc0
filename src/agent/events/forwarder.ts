/** Brings the events of the queue to one sink: in order, at least once, as fast as it may. No sink waits for another. */

import { type CloudEvent, typeOf } from "../../common/events/cloud-event.js";
import { minimalText } from "../../common/events/nvmsgconv-minimal.js";
import type { EventFilter, EventForm } from "../../common/settings/events.js";
import { backoffMs, withJitter } from "../../common/time/backoff.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import type { EventQueue } from "./queue.js";
import { type Connection, type Outgoing, type Sink, SinkError } from "./sink.js";

export type ForwarderEvent = { readonly sink: string } & (
  | { readonly t: "sink connected" }
  /** Sent once until it works again, or fails for another reason. */
  | { readonly t: "sink failed"; readonly err: SinkError }
  /** It will never take them; they are lost for this sink. */
  | { readonly t: "events refused"; readonly count: number; readonly why: string }
);

export interface ForwarderOptions {
  readonly id: string;
  readonly sink: Sink;
  readonly filter: EventFilter;
  readonly form: EventForm;
  readonly maxPerSecond: number;
  readonly queue: Pick<EventQueue, "read" | "acknowledge">;
  readonly clock: Clock;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  /** Must not throw. */
  readonly onEvent: (event: ForwarderEvent) => void;
}

const RETRY_MS = { first: 1000, longest: 60_000 };
/** A peer may ask for more, by mistake. */
const LONGEST_RETRY_MS = 3_600_000;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #wakeup = new Wakeup();
  #connection: Connection | undefined;
  #broken: SinkError | undefined;
  #failures = 0;
  #failure: string | undefined;
  /** Events that may be sent now. */
  #allowance: number;
  #allowanceMs: number;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#allowance = burstOf(options);
    this.#allowanceMs = options.clock.now();
  }

  /** New events are in the queue. */
  notify(): void {
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted. Never throws because of the sink. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, id: sink, onEvent } = this.#options;
    try {
      while (!signal.aborted) {
        try {
          await this.#forward(signal);
        } catch (reason) {
          if (signal.aborted) return;
          if (!(reason instanceof SinkError)) throw reason;
          if (reason.message !== this.#failure) onEvent({ t: "sink failed", sink, err: reason });
          this.#failure = reason.message;
          await this.#disconnect();
          const delayMs = backoffMs(++this.#failures, RETRY_MS.first, RETRY_MS.longest);
          const least = Math.min(LONGEST_RETRY_MS, reason.retryAfterMs ?? 0);
          const untilMs = clock.now() + Math.max(least, withJitter(delayMs, random()));
          while (!signal.aborted && clock.now() < untilMs) {
            await this.#wakeup.wait(clock, untilMs, signal);
          }
        }
      }
    } finally {
      await this.#disconnect();
    }
  }

  async #forward(signal: AbortSignal): Promise<void> {
    const { id: sink, queue, clock } = this.#options;
    if (this.#broken !== undefined) throw this.#broken;
    const connection = this.#connection ?? (await this.#connect(signal));
    const waitMs = this.#refill();
    if (waitMs > 0) return this.#wakeup.wait(clock, clock.now() + waitMs, signal);
    const entries = await queue.read(sink, this.#options.sink.batch);
    if (entries.length === 0) return this.#wakeup.wait(clock, Infinity, signal);
    const wanted: Outgoing[] = [];
    let last = 0;
    for (const { sequence, text } of entries) {
      // Only cloudEvent() makes what is in the queue.
      const event = JSON.parse(text) as CloudEvent;
      const outgoing = isWanted(event, this.#options.filter)
        ? this.#formed(event, text)
        : undefined;
      if (outgoing !== undefined) {
        if (wanted.length + 1 > this.#allowance) break;
        wanted.push(outgoing);
      }
      last = sequence;
    }
    if (wanted.length > 0) await this.#deliver(connection, wanted, signal);
    queue.acknowledge(sink, last);
    this.#allowance -= wanted.length;
  }

  /** Undefined: the event does not exist in the sink's form. */
  #formed(event: CloudEvent, text: string): Outgoing | undefined {
    if (this.#options.form === "cloudevents") return { event, text };
    const minimal = minimalText(event);
    return minimal === undefined ? undefined : { event, text: minimal };
  }

  async #deliver(
    connection: Connection,
    wanted: readonly Outgoing[],
    signal: AbortSignal,
  ): Promise<void> {
    const { id: sink, onEvent } = this.#options;
    const { refused: count, why = "" } = await connection.deliver(wanted, signal);
    if (count > 0) onEvent({ t: "events refused", sink, count, why });
    this.#failures = 0;
    if (this.#failure !== undefined) onEvent({ t: "sink connected", sink });
    this.#failure = undefined;
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const { id: sink, onEvent } = this.#options;
    const connection = await this.#options.sink.connect(signal);
    this.#connection = connection;
    connection.onBroken?.((err) => {
      this.#broken = err;
      this.#wakeup.notify();
    });
    // Otherwise the first delivery proves that it works.
    if (connection.onBroken !== undefined) {
      onEvent({ t: "sink connected", sink });
      this.#failure = undefined;
    }
    return connection;
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#broken = undefined;
    await connection?.close().catch(() => {});
  }

  /** Milliseconds until one more event may be sent. */
  #refill(): number {
    const { clock, maxPerSecond } = this.#options;
    if (maxPerSecond === Infinity) {
      this.#allowance = Infinity;
      return 0;
    }
    const nowMs = clock.now();
    const gained = ((nowMs - this.#allowanceMs) / 1000) * maxPerSecond;
    // Numbers with a fraction add up to almost one.
    this.#allowance = Math.min(burstOf(this.#options), this.#allowance + gained + 1e-9);
    this.#allowanceMs = nowMs;
    return this.#allowance >= 1 ? 0 : ((1 - this.#allowance) / maxPerSecond) * 1000;
  }
}

/** What may be sent at once: what may be sent in a second, and one at least. */
function burstOf({ maxPerSecond }: ForwarderOptions): number {
  return Math.max(1, maxPerSecond);
}

export function isWanted(event: CloudEvent, { types, cameras, classes }: EventFilter): boolean {
  const { data } = event;
  if (types?.includes(typeOf(event)) === false) return false;
  if (cameras !== undefined && !("camera" in data && cameras.includes(data.camera ?? ""))) {
    return false;
  }
  // Events without an object, such as the number of objects in a zone, are not of a class.
  return classes === undefined || !("object" in data) || classes.includes(data.object.class);
}
