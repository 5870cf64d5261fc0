/** Zones, lines and what counts as an object in them: fields of the settings document. */

import * as z from "zod";
import { refusal } from "../../problem.js";
import { ID, ID_FORM } from "../camera-id.js";
import { duration, fraction, label, oneOf, printable, wholeNumber } from "../formats.js";
import { flawOf } from "../polygon.js";
import { field } from "./field.js";

const MAX_POINTS = 64;
const MAX_ZONES = 32;
const MAX_CLASSES = 1000;
const DAY_MS = 86_400_000;

const point = z
  .tuple([
    field(fraction(), "Distance from the left."),
    field(fraction(), "Distance from the top."),
  ])
  .meta({ description: "A point [x, y] in fractions of the frame, from its top left corner." });

/** Points of masks and of zones. */
export const polygon = z.array(point).min(3).max(MAX_POINTS).meta({
  description: "A polygon: points [x, y] as fractions of the frame, from its top left corner.",
});

const classes = z
  .array(field(label(128), "One of the model's labels."))
  .max(MAX_CLASSES)
  .meta({ description: "Labels of the objects that count. Default: all." })
  .optional();

const zone = z
  .strictObject({
    id: field(printable(63, ID, ID_FORM), "Stable id of the zone in events."),
    points: polygon.superRefine((points, context) => {
      const flaw = points.length < 3 ? undefined : flawOf(points);
      if (flaw === undefined) return;
      const allowed = "a polygon whose edges do not cross, with its points in order";
      context.addIssue({ code: "custom", message: refusal(flaw, allowed) });
    }),
    classes,
    loiteringAfter: field(
      duration(1000, DAY_MS),
      "An object that stays so long is reported once. Default: never.",
    ).optional(),
    crowd: field(
      wholeNumber(0, 10_000),
      "More objects at once than this many are reported. Default: never.",
    ).optional(),
    crowdAfter: field(
      duration(0, DAY_MS),
      "How long there must be more, or no longer more, objects than crowd. Default: 2s.",
    ).optional(),
  })
  .meta({ description: "An area in which objects are observed." });

const line = z
  .strictObject({
    id: field(printable(63, ID, ID_FORM), "Stable id of the line in events."),
    from: point,
    to: point,
    classes,
  })
  .superRefine(({ from, to }, context) => {
    if (Math.hypot(from[0] - to[0], from[1] - to[1]) >= SHORTEST_LINE) return;
    const message = refusal(
      "is the same point as from",
      "a line of a hundredth of the frame or more",
    );
    context.addIssue({ code: "custom", message, path: ["to"] });
  })
  .meta({
    description:
      "A line whose crossings are counted: in, from the left of the way from its first to its last point to the right, as " +
      "the picture shows it, and out, the other way.",
  });

const SHORTEST_LINE = 0.01;

/** Fields of a camera. */
export const cameraAnalyticsFields = {
  zones: z
    .array(zone)
    .max(MAX_ZONES)
    .superRefine(uniqueIds)
    .meta({ description: "Areas in which objects are observed. They need a tracker." })
    .optional(),
  lines: z
    .array(line)
    .max(MAX_ZONES)
    .superRefine(uniqueIds)
    .meta({ description: "Lines whose crossings are counted. They need a tracker." })
    .optional(),
};

export const analytics = z
  .strictObject({
    point: field(
      oneOf(["foot", "centre"]),
      "The point of a box that counts: the middle of its lower edge or of the whole. Default: foot.",
    ).optional(),
    margin: field(
      fraction(),
      "How far, in fractions of the frame, an object must be beyond an edge or a line before it has left or crossed it, so that " +
        "a box that trembles is not counted again and again. Default: 0.01.",
    ).optional(),
    seenAfter: field(
      duration(0, 60_000),
      "How long an object must be there before it counts. Default: 500ms.",
    ).optional(),
    goneAfter: field(
      duration(0, 600_000),
      "How long an object must be missing before it is gone. Default: 2s.",
    ).optional(),
  })
  .meta({ description: "When an object counts, for all cameras." });

function uniqueIds(items: readonly { readonly id: string }[], context: z.RefinementCtx): void {
  for (const [index, { id }] of items.entries()) {
    const first = items.findIndex((one) => one.id === id);
    if (first === index) continue;
    const message = refusal(`is "${id}", as that of [${first}]`, "a different id for each");
    context.addIssue({ code: "custom", message, path: [index, "id"] });
  }
}
