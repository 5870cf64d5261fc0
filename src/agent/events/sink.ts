/** What a sink is: something that takes events in order. MQTT, HTTP and files are sinks. */

import type { CloudEvent } from "../../common/events/cloud-event.js";

/** An event on its way out. */
export interface Outgoing {
  readonly event: CloudEvent;
  /** The same as JSON in the form that the sink wants: what is sent again is the same text. */
  readonly text: string;
}

export interface Sink {
  /** Most events that one call of deliver() takes. */
  readonly batch: number;
  /** Connects. Throws SinkError, or the signal's reason once that is aborted. */
  connect(signal: AbortSignal): Promise<Connection>;
}

export interface Connection {
  /**
   * Returns when the peer has all of them, and how many it has refused for good. Throws SinkError when it is not known which
   * of them it has, or the signal's reason once that is aborted.
   */
  deliver(events: readonly Outgoing[], signal: AbortSignal): Promise<Delivery>;
  /** Called once if the connection breaks; undefined: there is none to break. */
  onBroken?: (callback: (err: SinkError) => void) => void;
  close(): Promise<void>;
}

export interface Delivery {
  /** Events that the peer will never take. */
  readonly refused: number;
  /** Why the last one was refused. */
  readonly why?: string;
}

/** A sink does not work now. The message says what to do, and holds no secret. */
export class SinkError extends Error {
  override readonly name = "SinkError";
  /** How long the peer wants to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }

  static from(reason: unknown, what: string): SinkError {
    if (reason instanceof SinkError) return reason;
    const err = reason instanceof Error ? reason : new Error(String(reason));
    // Several addresses were tried; that error has no message of its own.
    const [first] = err instanceof AggregateError ? (err.errors as unknown[]) : [];
    const { message } = first instanceof Error ? first : err;
    return new SinkError(`${what}: ${message}`, { cause: reason });
  }
}
