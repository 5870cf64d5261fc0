/** The settings document: what a file on the device or the hub may say. Its JSON Schema is made from this. */

import * as z from "zod";
import { hoursSchema } from "../../hours/hours.js";
import { maintenanceSchema } from "../../hours/maintenance.js";
import { ID, ID_FORM } from "../camera-id.js";
import { cameraAddress } from "../camera-uri.js";
import { type Setting, settings } from "../environment-settings.js";
import { secret } from "../format.js";
import {
  decimal,
  fraction,
  label,
  oneOf,
  printable,
  rtspPath,
  wholeNumber,
  yesOrNo,
} from "../formats.js";
import { modelReference } from "../model-reference.js";
import { secretReference } from "../secret-reference.js";
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

const mask = z
  .array(z.tuple([field(fraction(), "From the left."), field(fraction(), "From the top.")]))
  .min(3)
  .max(MAX_LIST)
  .meta({ description: "A polygon: points [x, y], fractions of the frame from its top left." });

const cameraFields = {
  transport: asSetting(settings.transport),
  latency: asSetting(settings.latencyMs),
  acceptAnyCertificate: asSetting(settings.acceptAnyCertificate),
  frozenAfter: asSetting(settings.frozenAfterMs),
};

const camera = z.strictObject({
  id: field(
    identifier,
    "Stable name of the camera in states, detections and addresses. Without it, made from the name or the place.",
  ).optional(),
  name: field(label(64), "Drawn on the camera's tile. Without it, the id.").optional(),
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
    .array(mask)
    .max(MAX_LIST)
    .meta({
      description:
        "Areas that are blackened before anything is detected, drawn or kept: polygons of at least three points " +
        "[x, y], fractions of the frame from its top left. Engine cpu.",
    })
    .optional(),
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
    id: field(identifier, "Stable name of the output in states.").optional(),
    ...encodingFields,
    rtsp: z
      .strictObject({ path: field(rtspPath(), settings.outputPath.doc) })
      .meta({ description: "Goes to the RTSP server." })
      .optional(),
    file: z
      .strictObject({
        path: asSetting(settings.outputFile),
        duration: asSetting(settings.outputFileDuration),
        maxBytes: asSetting(settings.outputFileMaxBytes),
      })
      .meta({ description: "Is recorded, in Matroska files." })
      .optional(),
    window: z
      .strictObject({})
      .meta({
        description:
          "Is shown in a window of its size on the X display of the sidecar, not encoded.",
      })
      .optional(),
  })
  .refine(
    ({ rtsp, file, window }) => [rtsp, file, window].filter((one) => one !== undefined).length < 2,
    { error: "has more than one of rtsp, file and window; allowed: one of them" },
  );

export const settingsDocument = z
  .strictObject({
    $schema: z.string().max(2048).meta({ description: "Address of this schema." }).optional(),
    cameras: z
      .array(camera)
      .min(1)
      .max(MAX_CAMERAS)
      .meta({ description: "All cameras, in the order of their tiles, instead of RTSPINPUT's." })
      .optional(),
    cameraDefaults: z
      .strictObject(cameraFields)
      .meta({ description: "For every camera that does not say it itself." })
      .optional(),
    model: z
      .strictObject({
        bundle: field(modelReference(), settings.model.doc).optional(),
        interval: asSetting(settings.interval),
        threshold: asSetting(settings.threshold),
        classes: z
          .array(field(label(128), "A label of the bundle."))
          .max(1000)
          .meta({ description: "Labels that are reported. An empty list: all." })
          .optional(),
      })
      .meta({ description: "What detects." })
      .optional(),
    tracker: field(
      oneOf(["none", "iou", "nvsort", "nvdcf", "nvdeepsort"]),
      "Follows objects from frame to frame.",
    ).optional(),
    overlay: z
      .strictObject({
        boxes: field(yesOrNo(), "A rectangle around each object.").optional(),
        labels: field(yesOrNo(), "Label and confidence at each box.").optional(),
        counts: field(yesOrNo(), "How many objects of each class.").optional(),
        names: field(yesOrNo(), "The camera's name in its tile.").optional(),
      })
      .meta({ description: "What is drawn on the picture, part by part in place of OVERLAY." })
      .optional(),
    outputs: z
      .array(output)
      .min(1)
      .max(MAX_LIST)
      .meta({ description: "All outputs, instead of the one that OUTPUT says." })
      .optional(),
    outputDefaults: z
      .strictObject(encodingFields)
      .meta({ description: "For every output that does not say it itself." })
      .optional(),
    rtspServer: z
      .strictObject({
        port: asSetting(settings.outputPort),
        users: z
          .union([secretName, z.array(z.union([secretName, viewer])).max(MAX_LIST)])
          .meta({
            description: "Who may watch (RTSP digest), for all outputs. An empty list: everybody.",
          })
          .optional(),
      })
      .meta({ description: "The RTSP server, which all outputs share." })
      .optional(),
    hours: hoursSchema
      .meta({ description: "Active hours of everything; a camera's own hours narrow them." })
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
          "Deaths of the worker that are taken for chance.",
        ).optional(),
        stumbles: field(
          wholeNumber(0, 100),
          "Broken connections to the sidecar that are taken for chance.",
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
