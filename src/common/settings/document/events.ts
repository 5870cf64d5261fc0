/** Where events go, and how long they wait for it: fields of the settings document. */

import * as z from "zod";
import { EVENT_TYPES, PICTURE_TYPES } from "../../events/types.js";
import { ID, ID_FORM } from "../camera-id.js";
import { serverUrl } from "../event-url.js";
import { decimal, duration, label, oneOf, printable, wholeNumber, yesOrNo } from "../formats.js";
import { secretReference } from "../secret-reference.js";
import { field } from "./field.js";

const MAX_SINKS = 16;
const MAX_LIST = 256;
const DAY_MS = 86_400_000;

const identifier = printable(63, ID, ID_FORM);
const secretName = (description: string) => field(secretReference(), description).optional();

const tlsFields = {
  ca: secretName(
    "Certificates that the server's must be signed with, as PEM. Default: those that the system trusts.",
  ),
  certificate: secretName("Certificate of this client, as PEM."),
  key: secretName("Private key of the certificate, as PEM."),
};

const mqtt = z
  .strictObject({
    url: field(serverUrl("mqtt", "mqtts"), "Address of the broker."),
    version: field(oneOf(["5", "3.1.1"]), "Version of MQTT. Default: 5.").optional(),
    clientId: field(label(128), "Default: slipstream- and the node's name.").optional(),
    topic: field(
      printable(200, /^[^+#/\s][^+#\s]*$/, "a topic such as site/north, without + and #"),
      "What all topics begin with; the node's name follows. Default: slipstream.",
    ).optional(),
    credentials: secretName("User name and password."),
    ...tlsFields,
    homeAssistant: field(
      yesOrNo(),
      "Announce cameras, zones and lines to Home Assistant (MQTT discovery). Default: no.",
    ).optional(),
  })
  .meta({
    description:
      "Events go to an MQTT broker with QoS 1. States are retained, and TOPIC/NODE/status says online or offline.",
  });

const webhook = z
  .strictObject({
    url: field(
      serverUrl("http", "https"),
      "Address that events are posted to. A parameter may be a secret: ?key=secret:NAME.",
    ),
    batch: field(wholeNumber(1, 1000), "Most events in one request. Default: 100.").optional(),
    signWith: secretName(
      "Key of the HMAC-SHA256 of the time, a full stop and the body, which X-Slipstream-Signature holds.",
    ),
    token: secretName("Sent as Authorization: Bearer."),
    ...tlsFields,
  })
  .meta({ description: "Events are posted to an HTTP server, as batches of CloudEvents." });

const file = z
  .strictObject({
    name: field(
      printable(100, /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, "a file name of letters, digits and _ . -"),
      "Name of the file in the directory events of STATE_DIR. Default: events.jsonl.",
    ).optional(),
    maxBytes: field(
      wholeNumber(10_000, 1e12, "bytes"),
      "The next file begins when one is larger. Default: 10000000.",
    ).optional(),
    files: field(
      wholeNumber(1, 1000),
      "Files that are kept, NAME, NAME.1 and so on. Default: 5.",
    ).optional(),
  })
  .meta({ description: "Events are written to a file, one line of JSON each." });

const sink = z
  .strictObject({
    id: field(
      identifier,
      "Stable id of the sink: it keeps its place in the queue by it. Default: mqtt, webhook or file.",
    ).optional(),
    types: z
      .array(field(oneOf(EVENT_TYPES), "A type of event."))
      .max(MAX_LIST)
      .meta({ description: "Types of events that it gets. Default: all." })
      .optional(),
    cameras: z
      .array(field(identifier, "Id of a camera."))
      .max(MAX_LIST)
      .meta({ description: "Cameras whose events it gets. Default: all, and events of no camera." })
      .optional(),
    classes: z
      .array(field(label(128), "One of the model's labels."))
      .max(1000)
      .meta({ description: "Classes of the objects whose events it gets. Default: all." })
      .optional(),
    maxPerSecond: field(
      decimal(0.01, 100_000),
      "Events a second that it gets at most; the others wait. Default: no limit.",
    ).optional(),
    form: field(
      oneOf(["cloudevents", "nvmsgconv-minimal"]),
      "In which form it gets events: CloudEvents, or the minimal schema of DeepStream's nvmsgconv, which has only events of an " +
        "object. Default: cloudevents.",
    ).optional(),
    mqtt: mqtt.optional(),
    webhook: webhook.optional(),
    file: file.optional(),
  })
  .refine(
    ({ mqtt, webhook, file }) =>
      [mqtt, webhook, file].filter((one) => one !== undefined).length === 1,
    { error: "has none or several of mqtt, webhook and file; allowed: one of them" },
  )
  .superRefine(({ mqtt, webhook, form }, context) => {
    if (mqtt?.homeAssistant === true && form === "nvmsgconv-minimal") {
      const message =
        "cannot be true with form nvmsgconv-minimal, whose events Home Assistant cannot read; use cloudevents";
      context.addIssue({ code: "custom", message, path: ["mqtt", "homeAssistant"] });
    }
    for (const [name, tls] of Object.entries({ mqtt, webhook })) {
      if (tls === undefined || (tls.certificate === undefined) === (tls.key === undefined))
        continue;
      const message = "needs both certificate and key, or none of them";
      context.addIssue({ code: "custom", message, path: [name] });
    }
  });

export const events = z
  .strictObject({
    sinks: z
      .array(sink)
      .max(MAX_SINKS)
      .meta({ description: "Where events go. None waits for another." })
      .optional(),
    pictures: z
      .strictObject({
        types: z
          .array(field(oneOf(PICTURE_TYPES), "A type of event."))
          .min(1)
          .max(MAX_LIST)
          .meta({
            description:
              "Types of events that get one. Default: object.seen, zone.entered, zone.loitering, zone.overcrowding and " +
              "line.crossed.",
          })
          .optional(),
        of: field(
          oneOf(["frame", "object"]),
          "What it shows: the whole frame, or the object and a little around it. Default: frame.",
        ).optional(),
        maxBytes: field(
          wholeNumber(1_000_000, 1e12, "bytes"),
          "Size of all pictures on this device's disk. Default: 200000000.",
        ).optional(),
        maxCount: field(
          wholeNumber(1, 100_000),
          "Number of all pictures on this device's disk. Default: 5000.",
        ).optional(),
        maxAge: field(
          duration(60_000, 100 * DAY_MS),
          "How long a picture is kept. Default: 10080m, which is 7 days.",
        ).optional(),
      })
      .meta({
        description:
          "A JPEG for each event of some types, without the overlay, with masks and hidden objects. The event names it, and " +
          "/api/v1/pictures/ID returns it. Engine cpu only. Default: none.",
      })
      .optional(),
    queue: z
      .strictObject({
        maxBytes: field(
          wholeNumber(100_000, 1e12, "bytes"),
          "Size of the events that wait on this device's disk. Default: 200000000.",
        ).optional(),
        maxAge: field(
          duration(60_000, 100 * DAY_MS),
          "How long an event may wait. Default: 20160m, which is 14 days.",
        ).optional(),
        whenFull: field(
          oneOf(["drop-oldest", "drop-newest"]),
          "Which events are lost when the queue is full. Default: drop-oldest.",
        ).optional(),
      })
      .meta({ description: "Events wait here, also across restarts, until all sinks have them." })
      .optional(),
  })
  .meta({ description: "Events for other systems." });
