/** What is observed in the frames of each camera: zones, lines, and when an object counts. */

import { closest } from "../closest.js";
import { didYouMean, type Problem, problem } from "../problem.js";
import type { SettingsDocument } from "./document/schema.js";
import type { Point } from "./polygon.js";
import { fileOf, type Origin, type SettingSources } from "./precedence.js";

export interface CameraAnalytics {
  readonly zones: readonly Zone[];
  readonly lines: readonly Line[];
  readonly objects: ObjectOptions;
}

export interface Zone {
  readonly id: string;
  readonly points: readonly Point[];
  /** Empty: all. */
  readonly classes: readonly string[];
  /** Undefined: loitering is not reported. */
  readonly loiteringAfterMs: number | undefined;
  /** Undefined: overcrowding is not reported. */
  readonly crowd: { readonly limit: number; readonly afterMs: number } | undefined;
}

export interface Line {
  readonly id: string;
  readonly from: Point;
  readonly to: Point;
  /** Empty: all. */
  readonly classes: readonly string[];
}

/** When an object counts, and where it is. */
export interface ObjectOptions {
  readonly point: "foot" | "centre";
  /** How far beyond an edge or a line an object must be, in fractions of the frame. */
  readonly margin: number;
  readonly seenAfterMs: number;
  readonly goneAfterMs: number;
}

export const DEFAULT_OBJECTS: ObjectOptions = {
  point: "foot",
  margin: 0.01,
  seenAfterMs: 500,
  goneAfterMs: 2000,
};

const CROWD_AFTER_MS = 2000;

/** By the ids of the cameras, which are those of the specification in its order. */
export function analyticsOf(
  sources: SettingSources,
  ids: readonly string[],
): Readonly<Record<string, CameraAnalytics>> {
  const listed = sources.inDocuments(({ cameras }) => cameras);
  const objects = objectsOf(sources);
  const entries = ids.map((id, index): [string, CameraAnalytics] => {
    const { zones = [], lines = [] } = listed?.value[index] ?? {};
    const camera: CameraAnalytics = {
      zones: zones.map(({ id, points, classes = [], loiteringAfter, crowd, crowdAfter }) => ({
        ...{ id, points, classes },
        loiteringAfterMs: loiteringAfter,
        crowd:
          crowd === undefined ? undefined : { limit: crowd, afterMs: crowdAfter ?? CROWD_AFTER_MS },
      })),
      lines: lines.map(({ classes = [], ...line }) => ({ ...line, classes })),
      objects,
    };
    const isObserved = zones.length + lines.length > 0;
    if (listed !== undefined && isObserved) {
      sources.record(`analytics.${id}`, { ...listed, value: camera });
    }
    return [id, camera];
  });
  return Object.fromEntries(entries);
}

function objectsOf(sources: SettingSources): ObjectOptions {
  type Section = NonNullable<SettingsDocument["analytics"]>;
  const value = <Key extends keyof Section>(key: Key) =>
    sources.inDocuments(({ analytics }) => analytics?.[key])?.value;
  return {
    point: value("point") ?? DEFAULT_OBJECTS.point,
    margin: value("margin") ?? DEFAULT_OBJECTS.margin,
    seenAfterMs: value("seenAfter") ?? DEFAULT_OBJECTS.seenAfterMs,
    goneAfterMs: value("goneAfter") ?? DEFAULT_OBJECTS.goneAfterMs,
  };
}

/** Classes of zones and lines that the model does not have. `labels`: undefined if they are not known. */
export function unknownClasses(
  analytics: readonly CameraAnalytics[],
  labels: readonly string[] | undefined,
  origin: Origin,
): Problem[] {
  return analytics.flatMap((camera, index) =>
    (["zones", "lines"] as const).flatMap((kind) =>
      camera[kind].flatMap(({ classes }, place) =>
        unknownLabels(`cameras[${index}].${kind}[${place}].classes`, classes, labels, origin),
      ),
    ),
  );
}

/** `labels`: of the model; undefined if they are not known. */
export function unknownLabels(
  path: string,
  classes: readonly string[],
  labels: readonly string[] | undefined,
  origin: Origin,
): Problem[] {
  if (labels === undefined) return [];
  return classes.flatMap((name, index) => {
    if (labels.includes(name)) return [];
    const message = `the model has no class "${name}"${didYouMean(closest(name, labels))}`;
    const place = { file: fileOf(origin), path: `${path}[${index}]` };
    return [problem("unknown-class", place, message)];
  });
}
