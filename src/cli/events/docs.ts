/** Prints docs/events.asyncapi.json or docs/events.schema.json: node dist/src/cli/events/docs.js asyncapi|schema */

import { pathToFileURL } from "node:url";
import * as z from "zod";
import {
  EVENT_TABLE,
  EVENT_TYPES,
  type EventType,
  STATE_TYPES,
} from "../../common/events/types.js";

/** A CloudEvent of each type: https://github.com/cloudevents/spec, version 1.0. */
export function eventsSchema() {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Events of Slipstream",
    oneOf: EVENT_TYPES.map((type) => ({ $ref: `#/$defs/${type}` })),
    $defs: Object.fromEntries(EVENT_TYPES.map((type) => [type, eventSchema(type)])),
  };
}

function eventSchema(type: EventType) {
  const { $schema: _, ...data } = z.toJSONSchema(EVENT_TABLE[type].data);
  return {
    type: "object",
    description: EVENT_TABLE[type].doc,
    required: ["specversion", "id", "source", "type", "time", "datacontenttype", "data"],
    properties: {
      specversion: { const: "1.0" },
      id: { type: "string", description: "Unique. An event that arrives twice has the same one." },
      source: {
        type: "string",
        description: "/slipstream/NODE or /slipstream/NODE/cameras/CAMERA",
      },
      type: { const: `slipstream.${type}` },
      subject: { type: "string", description: "For example zones/door, lines/gate, outputs/rtsp." },
      time: { type: "string", format: "date-time" },
      datacontenttype: { const: "application/json" },
      partitionkey: { type: "string", description: "The camera, whose events keep their order." },
      data,
    },
  };
}

const CHANNELS: Readonly<Record<string, string>> = {
  object: "cameras/{camera}/objects/",
  zone: "cameras/{camera}/zones/{zone}/",
  line: "cameras/{camera}/lines/{line}/",
  camera: "cameras/{camera}/",
  output: "outputs/{output}/",
  pipeline: "pipeline/",
  trial: "trial/",
};

/** The topics of an MQTT sink. */
export function asyncApi() {
  const channels = EVENT_TYPES.map((type) => {
    const [kind = "", what = ""] = type.split(".");
    const address = `{topic}/{node}/${CHANNELS[kind] ?? `${kind}/`}${what}`;
    const names = [...address.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    return [
      type,
      {
        address,
        description: STATE_TYPES.has(type) ? "The last event is retained." : "Nothing is retained.",
        parameters: Object.fromEntries(names.map((name) => [name, {}])),
        messages: { [type]: { $ref: `#/components/messages/${type}` } },
      },
    ] as const;
  });
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Events of Slipstream",
      version: "1",
      description:
        "What an MQTT sink publishes with QoS 1. {topic}/{node}/status says online or offline, retained. A webhook gets the " +
        "same messages as a batch of CloudEvents.",
    },
    defaultContentType: "application/cloudevents+json",
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries(
      EVENT_TYPES.map((type) => [
        `send ${type}`,
        { action: "send", channel: { $ref: `#/channels/${type}` } },
      ]),
    ),
    components: {
      messages: Object.fromEntries(
        EVENT_TYPES.map((type) => [
          type,
          {
            name: `slipstream.${type}`,
            summary: EVENT_TABLE[type].doc,
            payload: { $ref: `events.schema.json#/$defs/${type}` },
          },
        ]),
      ),
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const document = process.argv[2] === "asyncapi" ? asyncApi() : eventsSchema();
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
