/** Publishes events to an MQTT broker with QoS 1. The last value of each state is retained. */

import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { typeOf } from "../../../common/events/cloud-event.js";
import { STATE_TYPES } from "../../../common/events/types.js";
import type { EventForm, MqttOptions } from "../../../common/settings/events.js";
import { type Connection, type Delivery, type Outgoing, type Sink, SinkError } from "../sink.js";
import { type Announcement, announcements, type Inventory } from "./home-assistant.js";
import { rootOf, topicOf } from "./topics.js";

export interface MqttDependencies {
  /** The node's name in the Exchange. */
  readonly node: string;
  /** What Home Assistant is told about. */
  readonly inventory: Inventory;
  readonly form: EventForm;
  readonly timeoutMs: number;
}

export const MQTT_TIMEOUT_MS = 30_000;

const BATCH = 500;
const KEEP_ALIVE_S = 30;
/** Events that wait for their acknowledgement, unless the broker allows fewer. */
const IN_FLIGHT = 100;
/** The process ends soon. */
const GOODBYE_MS = 300;
const RETAINED = { qos: 1, retain: true } as const;

export function mqttSink(options: MqttOptions, dependencies: MqttDependencies): Sink {
  const root = rootOf(options.topic, dependencies.node);
  /** By topic. A broker may have lost them when it is connected again. */
  const states = new Map<string, string>();
  return {
    batch: BATCH,
    async connect(signal) {
      const { client, inFlight } = await open(options, dependencies, `${root}/status`, signal);
      const connection = new Publisher({ client, inFlight, root, states, ...dependencies });
      try {
        await connection.greet(options.homeAssistant ? announcements(root, dependencies) : []);
      } catch (reason) {
        await connection.close();
        throw reason;
      }
      return connection;
    },
  };
}

interface PublisherOptions extends MqttDependencies {
  readonly client: MqttClient;
  readonly inFlight: number;
  readonly root: string;
  readonly states: Map<string, string>;
}

class Publisher implements Connection {
  readonly #options: PublisherOptions;
  /** Rejects when the connection breaks. */
  readonly #broken: Promise<never>;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { client } = options;
    this.#broken = new Promise((_, reject) => {
      client.on("error", (err) => reject(SinkError.from(err, "the connection broke")));
      client.on("disconnect", ({ reasonCode }) => {
        reject(new SinkError(`the broker has ended the connection, reason code ${reasonCode}`));
      });
      client.on("close", () => reject(new SinkError("the broker has closed the connection")));
    });
    this.#broken.catch(() => {});
  }

  onBroken(callback: (err: SinkError) => void): void {
    this.#broken.catch((reason) => callback(SinkError.from(reason, "the connection broke")));
  }

  /** Says that the node is online, and repeats what the broker should have retained. */
  async greet(announced: readonly Announcement[]): Promise<void> {
    const { client, root, states } = this.#options;
    const texts = [
      [`${root}/status`, "online"],
      ...announced.map(({ topic, text }) => [topic, text]),
      ...states,
    ];
    for (const [topic = "", text = ""] of texts) {
      await this.#bounded(client.publishAsync(topic, text, RETAINED));
    }
  }

  async deliver(events: readonly Outgoing[], signal: AbortSignal): Promise<Delivery> {
    const { inFlight } = this.#options;
    const pending: Promise<unknown>[] = [];
    for (const [index, event] of events.entries()) {
      signal.throwIfAborted();
      // Acknowledgements come in the order of the events.
      if (index >= inFlight) await this.#bounded(pending[index - inFlight]);
      const published = this.#publish(event);
      published.catch(() => {});
      pending.push(published);
    }
    await this.#bounded(Promise.all(pending));
    return { refused: 0 };
  }

  /** Tells the broker that the node is offline, if it can be told; without that it sends the last will. */
  async close(): Promise<void> {
    const { client, root } = this.#options;
    try {
      if (!client.connected) return;
      await this.#bounded(client.publishAsync(`${root}/status`, "offline", RETAINED), GOODBYE_MS);
      await this.#bounded(client.endAsync(), GOODBYE_MS);
    } catch {
      // It is cut off below.
    } finally {
      await client.endAsync(true).catch(() => {});
    }
  }

  #publish({ event, text }: Outgoing): Promise<unknown> {
    const { client, root, states, form } = this.#options;
    const retain = STATE_TYPES.has(typeOf(event));
    const topic = `${root}/${topicOf(event)}`;
    if (retain) states.set(topic, text);
    const contentType =
      form === "cloudevents" ? "application/cloudevents+json" : "application/json";
    const properties = { contentType };
    return client.publishAsync(topic, text, { qos: 1, retain, properties });
  }

  /** Within the time, unless the connection breaks. */
  async #bounded(
    work: Promise<unknown> | undefined,
    timeoutMs = this.#options.timeoutMs,
  ): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const message = `the broker has acknowledged nothing within ${timeoutMs} ms`;
      timer = setTimeout(() => reject(new SinkError(message)), timeoutMs);
    });
    try {
      await Promise.race([work, this.#broken, timeout]);
    } catch (reason) {
      throw SinkError.from(reason, "the broker has refused an event");
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Throws SinkError, or the signal's reason once that is aborted. */
async function open(
  options: MqttOptions,
  { node, timeoutMs }: MqttDependencies,
  status: string,
  signal: AbortSignal,
): Promise<{ readonly client: MqttClient; readonly inFlight: number }> {
  const { url, version, login, tls } = options;
  const settings: IClientOptions = {
    protocolVersion: version === "5" ? 5 : 4,
    clientId: options.clientId ?? `slipstream-${node}`,
    keepalive: KEEP_ALIVE_S,
    connectTimeout: timeoutMs,
    // The forwarder connects again, and sends again what was not acknowledged.
    reconnectPeriod: 0,
    will: { topic: status, payload: Buffer.from("offline"), ...RETAINED },
    ...(login && { username: login.username, password: login.password }),
    ...(tls.ca && { ca: tls.ca }),
    ...(tls.certificate && { cert: tls.certificate }),
    ...(tls.key && { key: tls.key }),
  };
  signal.throwIfAborted();
  const client = connect(url, settings);
  // The last listener of an error must not be the end of the process.
  client.on("error", () => {});
  let onAbort = () => {};
  try {
    const inFlight = await new Promise<number>((resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort);
      client.once("connect", ({ properties }) => {
        resolve(Math.min(IN_FLIGHT, properties?.receiveMaximum ?? IN_FLIGHT));
      });
      client.once("error", (err) => reject(SinkError.from(err, "the broker refuses")));
      client.once("close", () => reject(new SinkError(`cannot reach ${new URL(url).host}`)));
    });
    return { client, inFlight };
  } catch (reason) {
    await client.endAsync(true).catch(() => {});
    throw reason;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
