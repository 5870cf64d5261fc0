/** The types of events, and what each carries. JSON Schemas and the AsyncAPI document are made from this table. */

import * as z from "zod";

const camera = z.string().meta({ description: "Id of the camera." });
const confidence = z.number().min(0).max(1);

const box = z
  .strictObject({ left: z.number(), top: z.number(), width: z.number(), height: z.number() })
  .meta({ description: "In fractions of the frame, from its top left corner." });

const object = z
  .strictObject({
    track: z.string().meta({ description: "Id of the object, the same while it is followed." }),
    class: z.string().meta({ description: "One of the model's labels." }),
    confidence,
    box,
    frame: z
      .strictObject({ width: z.int().min(1), height: z.int().min(1) })
      .meta({ description: "Size of the camera's frame in pixels." }),
    attributes: z.record(z.string(), z.string()).meta({ description: "What else the model says." }),
    heading: z
      .number()
      .min(0)
      .lt(360)
      .meta({ description: "Direction of travel in degrees, clockwise; 0 is up in the picture." })
      .optional(),
  })
  .meta({ description: "The object at the time of the event." });

const zone = z.string().meta({ description: "Id of the zone." });
const milliseconds = z.number().min(0);
const count = z.int().min(0);
const byClass = z.record(z.string(), count).meta({ description: "Numbers by class." });
const state = z.enum(["began", "ended"]);
const windows = { minute: count, hour: count, day: count };
const totals = z
  .strictObject({ ...windows, byClass: z.record(z.string(), z.strictObject(windows)) })
  .meta({ description: "Numbers of the last minute, hour and day, of all classes and of each." });
const detail = z.string().meta({ description: "One line for people. Holds no secret." });

const picture = z
  .string()
  .meta({ description: "Id of a picture, at /api/v1/pictures/ID soon, and for a while." })
  .optional();

const EVENTS = {
  "object.seen": {
    doc: "An object has appeared.",
    data: z.strictObject({ camera, object, picture }),
  },
  "object.gone": {
    doc: "An object has been missing for a while, or the camera was lost.",
    data: z.strictObject({
      camera,
      object,
      duration: milliseconds.meta({ description: "Milliseconds for which it was seen." }),
      picture,
    }),
  },
  "zone.entered": {
    doc: "An object has entered a zone.",
    data: z.strictObject({ camera, zone, object, totals, picture }),
  },
  "zone.left": {
    doc: "An object has left a zone, or is gone from it.",
    data: z.strictObject({
      camera,
      zone,
      object,
      dwell: milliseconds.meta({ description: "Milliseconds for which it was in the zone." }),
      picture,
    }),
  },
  "zone.loitering": {
    doc: "An object has been in a zone for as long as loiteringAfter says.",
    data: z.strictObject({ camera, zone, object, dwell: milliseconds, picture }),
  },
  "zone.occupancy": {
    doc: "The number of objects in a zone has changed.",
    data: z.strictObject({ camera, zone, count, byClass, picture }),
  },
  "zone.overcrowding": {
    doc: "There are more objects in a zone than crowd allows, or no longer.",
    data: z.strictObject({ camera, zone, state, count, limit: count, picture }),
  },
  "line.crossed": {
    doc: "An object has crossed a line. In: from the left of the line to its right, as the picture shows it.",
    data: z.strictObject({
      camera,
      line: z.string().meta({ description: "Id of the line." }),
      direction: z.enum(["in", "out"]),
      object,
      totals: z.strictObject({ in: totals, out: totals }),
      picture,
    }),
  },
  "camera.counts": {
    doc: "How many objects have entered the zones and crossed the lines of a camera. Once a minute.",
    data: z.strictObject({
      camera,
      zones: z.record(z.string(), totals).meta({ description: "Objects that have entered." }),
      lines: z.record(z.string(), z.strictObject({ in: totals, out: totals })),
    }),
  },
  "camera.state": {
    doc: "A camera has changed its state.",
    data: z.strictObject({
      camera,
      state: z.enum(["connecting", "live", "lost", "off", "unknown"]),
      reason: z.string().meta({ description: "Why it is lost." }).optional(),
      detail: detail.optional(),
    }),
  },
  "output.state": {
    doc: "An output has changed its state.",
    data: z.strictObject({
      output: z.string().meta({ description: "Id of the output." }),
      camera: camera.optional(),
      state: z.enum(["waiting", "serving", "failed", "unknown"]),
      reason: z.string().optional(),
      detail: detail.optional(),
    }),
  },
  "pipeline.state": {
    doc: "The pipeline has changed its state.",
    data: z.strictObject({
      state: z.enum(["unreachable", "idle", "loading", "running", "failed", "unknown"]),
      reason: z.string().optional(),
      detail: detail.optional(),
    }),
  },
  "trial.result": {
    doc: "New settings, a new model or a new version have passed their trial, or failed it.",
    data: z.strictObject({
      result: z.enum(["passed", "failed"]),
      reasons: z.array(z.string()),
    }),
  },
} as const satisfies Readonly<Record<string, { readonly doc: string; readonly data: z.ZodObject }>>;

export type EventType = keyof typeof EVENTS;

/** The keys of the table are its names. */
export const EVENT_TYPES = Object.keys(EVENTS) as EventType[];

/** Types of events that happen on a frame, which a picture can show. */
export const PICTURE_TYPES = EVENT_TYPES.filter((type) => "picture" in EVENTS[type].data.shape);

export const EVENT_TABLE: Readonly<
  Record<EventType, { readonly doc: string; readonly data: z.ZodObject }>
> = EVENTS;

/** Data of an event, by its type. */
export type EventData = {
  readonly [Type in EventType]: Readonly<z.output<(typeof EVENTS)[Type]["data"]>>;
};

/** What has happened, before it gets an id. */
export type SlipstreamEvent = {
  readonly [Type in EventType]: {
    readonly type: Type;
    /** Milliseconds since 1970. */
    readonly timeMs: number;
    readonly data: EventData[Type];
  };
}[EventType];

/** The data of events as they say how something is now: the last one of each subject is worth keeping. */
export const STATE_TYPES: ReadonlySet<EventType> = new Set<EventType>([
  "zone.occupancy",
  "zone.overcrowding",
  "camera.counts",
  "camera.state",
  "output.state",
  "pipeline.state",
]);
