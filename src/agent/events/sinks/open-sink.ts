/** Makes the sink that settings ask for. Its code is loaded when it first connects: most nodes need one of them or none. */

import { join } from "node:path";
import type { EventForm, SinkTarget } from "../../../common/settings/events.js";
import type { Sink } from "../sink.js";
import type { Inventory } from "./home-assistant.js";

export interface SinkContext {
  readonly node: string;
  readonly inventory: Inventory;
  readonly form: EventForm;
  /** Of files. */
  readonly directory: string;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
}

const BATCH = 500;

export function openSink(target: SinkTarget, context: SinkContext): Sink {
  let sink: Promise<Sink> | undefined;
  return {
    batch: target.t === "webhook" ? target.batch : BATCH,
    async connect(signal) {
      sink ??= load(target, context);
      return (await sink).connect(signal);
    },
  };
}

async function load(target: SinkTarget, context: SinkContext): Promise<Sink> {
  const { node, inventory, directory, wallClock, form } = context;
  switch (target.t) {
    case "mqtt": {
      const { mqttSink, MQTT_TIMEOUT_MS: timeoutMs } = await import("./mqtt.js");
      return mqttSink(target, { node, inventory, form, timeoutMs });
    }
    case "webhook": {
      const { webhookSink, WEBHOOK_TIMEOUT_MS: timeoutMs } = await import("./webhook.js");
      return webhookSink(target, { wallClock, form, timeoutMs });
    }
    case "file": {
      const { jsonLinesSink } = await import("./json-lines.js");
      return jsonLinesSink(join(directory, target.name), target);
    }
    default:
      return target satisfies never;
  }
}
