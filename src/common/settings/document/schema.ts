/** The schema of the settings document, which comes from a file on the device or from the hub. Its JSON Schema is made from this. */

import * as z from "zod";
import { hoursSchema } from "../../hours/hours.js";
import { maintenanceSchema } from "../../hours/maintenance.js";
import { ID, ID_FORM } from "../camera-id.js";
import { cameraAddress } from "../camera-uri.js";
import { type Setting, settings } from "../environment-settings.js";
import { secret } from "../format.js";
import { decimal, fraction, label, oneOf, printable, wholeNumber, yesOrNo } from "../formats.js";
import { secretReference } from "../secret-reference.js";
import { MOST_MODELS } from "../spec.js";
import { analytics, cameraAnalyticsFields, polygon } from "./analytics.js";
import { events } from "./events.js";
import { field } from "./field.js";

/** More cameras than any board decodes. */
const MAX_CAMERAS = 256;
const MAX_LIST = 64;

/** A field that overrides a setting of the environment: same values, same meaning. */
function asSetting<T>({ env, format, doc }: Pick<Setting<T>, "env" | "doc" | "format">) {
  return field(format, `${doc} Overrides ${env}.`).optional();
}

const PASSWORD = "Password in plain text; a secret is safer.";

const login = z
  .strictObject({
    username: field(secret(label(255)), "User name."),
    password: field(secret(printable(1024)), PASSWORD),
  })
  .meta({ description: "A user name and its password." });

const viewer = z
  .strictObject({
    // Clients write it between quotes, and a colon ends it.
    username: field(
      secret(printable(255, /^[^":\\]+$/, '1 to 255 printable characters other than " : and \\')),
      "User name.",
    ),
    password: field(secret(label(1024)), PASSWORD),
  })
  .meta({ description: "A user name and its password." });

const secretName = field(secretReference(), "Name of a secret, as in secret:cam-front.");

const identifier = printable(63, ID, ID_FORM);

const cameraFields = {
  transport: asSetting(settings.transport),
  latency: asSetting(settings.latencyMs),
  acceptAnyCertificate: asSetting(settings.acceptAnyCertificate),
  frozenAfter: asSetting(settings.frozenAfterMs),
  silentAfter: asSetting(settings.silentAfterMs),
  stillInterval: asSetting(settings.stillIntervalMs),
};

const camera = z.strictObject({
  id: field(
    identifier,
    "Stable id of the camera in states, detections and addresses. Default: made from the name or the place in the list.",
  ).optional(),
  name: field(label(64), "Name that is drawn on the camera's tile. Default: the id.").optional(),
  uri: field(
    cameraAddress,
    "Address, as in RTSPINPUT: rtsp://, rtsps://, file://, /dev/videoN or test://. A parameter may be a secret: " +
      "/stream?user=admin&password=secret:NAME.",
  ),
  credentials: z
    .union([secretName, login])
    .meta({ description: "Login of the camera: secret:NAME, or a user name and a password." })
    .optional(),
  ...cameraFields,
  masks: z
    .array(polygon)
    .max(MAX_LIST)
    .meta({
      description:
        "Areas that are blacked out before anything is detected, drawn or recorded: polygons of at least three points " +
        "[x, y] as fractions of the frame, from its top left corner.",
    })
    .optional(),
  hide: z
    .strictObject({
      classes: z
        .array(field(label(128), "One of the model's labels."))
        .min(1)
        .max(MAX_LIST)
        .meta({ description: "Labels of the objects to hide." }),
      method: field(
        oneOf(["cover", "blur"]),
        "cover: in black. blur: by a few large squares of its colours. Default: cover.",
      ).optional(),
    })
    .meta({
      description:
        "Objects of these classes cannot be recognised in any picture. Every frame is inferred, whatever DETECTION_INTERVAL " +
        "says, and one that was not does not leave. Engine cpu only.",
    })
    .optional(),
  ...cameraAnalyticsFields,
  hours: hoursSchema.optional(),
});

const encodingFields = {
  layout: asSetting(settings.layout),
  codec: asSetting(settings.codec),
  width: asSetting(settings.outputWidth),
  height: asSetting(settings.outputHeight),
  bitrate: asSetting(settings.bitrate),
  frameRate: asSetting(settings.outputFrameRate),
};

const output = z
  .strictObject({
    id: field(
      identifier,
      "Stable id of the output in states. Default: rtsp, file or window for the first, output2 and so on for the others.",
    ).optional(),
    ...encodingFields,
    rtsp: z
      .strictObject({ path: field(settings.outputPath.format, settings.outputPath.doc) })
      .meta({ description: "The stream goes to the RTSP server." })
      .optional(),
    file: z
      .strictObject({
        path: asSetting(settings.outputFile),
        duration: asSetting(settings.outputFileDuration),
        maxBytes: asSetting(settings.outputFileMaxBytes),
      })
      .meta({ description: "The stream is recorded to Matroska files." })
      .optional(),
    window: z
      .strictObject({})
      .meta({
        description:
          "The stream is shown, not encoded, in a window of its size on the sidecar's X display.",
      })
      .optional(),
  })
  .refine(
    ({ rtsp, file, window }) => [rtsp, file, window].filter((one) => one !== undefined).length < 2,
    { error: "has more than one of rtsp, file and window; allowed: one of them" },
  );

export const settingsDocument = z
  .strictObject({
    $schema: z.string().max(2048).meta({ description: "Address of this JSON Schema." }).optional(),
    cameras: z
      .array(camera)
      .min(1)
      .max(MAX_CAMERAS)
      .meta({ description: "All cameras, in the order of their tiles. Overrides RTSPINPUT." })
      .optional(),
    cameraDefaults: z
      .strictObject(cameraFields)
      .meta({ description: "Defaults of all cameras." })
      .optional(),
    model: z
      .strictObject({
        bundle: asSetting(settings.model),
        interval: asSetting(settings.interval),
        threshold: asSetting(settings.threshold),
        classes: z
          .array(field(label(128), "One of the bundle's labels."))
          .max(1000)
          .meta({
            description:
              "Labels that are reported. An empty list means all. Overrides DETECTION_CLASSES.",
          })
          .optional(),
      })
      .meta({ description: "The model and its options." })
      .optional(),
    secondaryModels: z
      .array(
        z.strictObject({
          bundle: field(settings.model.format, settings.model.doc),
          interval: field(
            settings.interval.format,
            "Frames that pass before an object is inferred again. Default: the bundle's own (secondary-reinfer-interval).",
          ).optional(),
          threshold: field(
            settings.threshold.format,
            "Lowest confidence that is reported. Default: the bundle's own.",
          ).optional(),
          classes: z
            .array(field(label(128), "One of the bundle's labels."))
            .max(1000)
            .meta({ description: "Labels that are reported. An empty list means all." })
            .optional(),
        }),
      )
      .max(MOST_MODELS - 1)
      .meta({
        description:
          "Models that work on the objects of those before them: they classify them, or detect objects within them. Their " +
          "bundles have process-mode=2. Overrides SECONDARY_MODELS.",
      })
      .optional(),
    tracker: field(
      oneOf(["none", "iou", "nvsort", "nvdcf", "nvdeepsort"]),
      "Algorithm that follows objects from frame to frame.",
    ).optional(),
    analytics: analytics.optional(),
    events: events.optional(),
    overlay: z
      .strictObject({
        boxes: field(yesOrNo(), "A rectangle around each object.").optional(),
        labels: field(yesOrNo(), "Label and confidence beside each box.").optional(),
        counts: field(yesOrNo(), "Number of objects of each class.").optional(),
        names: field(yesOrNo(), "The camera's name on its tile.").optional(),
        zones: field(yesOrNo(), "Zones and lines, with their counts.").optional(),
      })
      .meta({ description: "What is drawn on the stream. Each part overrides OVERLAY." })
      .optional(),
    outputs: z
      .array(output)
      .min(1)
      .max(MAX_LIST)
      .meta({ description: "All outputs. Overrides the one output of OUTPUT." })
      .optional(),
    outputDefaults: z
      .strictObject(encodingFields)
      .meta({ description: "Defaults of all outputs." })
      .optional(),
    rtspServer: z
      .strictObject({
        port: asSetting(settings.outputPort),
        users: z
          .union([secretName, z.array(z.union([secretName, viewer])).max(MAX_LIST)])
          .meta({
            description:
              "Who may watch all outputs (RTSP digest authentication). An empty list means everybody. Overrides RTSP_USERS.",
          })
          .optional(),
      })
      .meta({ description: "The RTSP server, which all outputs share." })
      .optional(),
    hours: hoursSchema
      .meta({ description: "Active hours of all cameras; a camera's own hours narrow them." })
      .optional(),
    trial: z
      .strictObject({
        time: asSetting(settings.trialMs),
        frameRate: field(
          fraction(),
          "Least share of a camera's frames a second before that passes.",
        ).optional(),
        latencyFactor: field(
          decimal(1, 100),
          "An inference may take so many times as long as before.",
        ).optional(),
        deaths: field(
          wholeNumber(0, 100),
          "Deaths of the worker that are put down to chance.",
        ).optional(),
        connectionFailures: field(
          wholeNumber(0, 100),
          "Broken connections to the sidecar that are put down to chance.",
        ).optional(),
        detections: field(
          fraction(),
          "Least share of the objects a minute before that passes. Without it, objects are not counted.",
        ).optional(),
      })
      .meta({ description: "What new settings and models must do to stay." })
      .optional(),
    maintenance: maintenanceSchema.optional(),
  })
  .meta({ title: "Settings of Slipstream" });

/** A document that was read: durations are milliseconds, every value is within its bounds. */
export type SettingsDocument = z.output<typeof settingsDocument>;
