/** What no two parts of one specification may have in common. */

import { type Problem, problem, refusal } from "../problem.js";
import type { Output, PipelineSpec } from "./spec.js";

type List = "cameras" | "outputs";

/** `files`: where the lists come from. */
export function conflictsIn(
  { cameras, outputs }: Pick<PipelineSpec, List>,
  files: Readonly<Record<List, string>>,
): Problem[] {
  const ids = cameras.map(({ id }) => id);
  return [
    ...repeated(
      "cameras",
      files.cameras,
      ids.map((id) => [id]),
      "id",
      "an id of its own for every camera",
    ),
    ...repeated(
      "outputs",
      files.outputs,
      outputs.map(({ id }) => [id]),
      "id",
      "an id of its own for every output",
    ),
    ...repeated(
      "outputs",
      files.outputs,
      outputs.map((output) => placesOf(output, ids)),
      "target.path",
      "a path of its own for every picture",
    ),
  ];
}

/**
 * Where the pictures of an output go; in a layout of one for each camera that is under the camera's id. The files of an
 * output are removed together when they are too many: two with one path would remove each other's.
 */
function placesOf({ layout, target }: Output, ids: readonly string[]): string[] {
  if (target.t === "window") return [];
  if (target.t === "file") return [`file:${target.path}`];
  const paths = layout === "tiled" ? [target.path] : ids.map((id) => `${target.path}/${id}`);
  return paths.map((path) => `${target.t}:${path}`);
}

/** One conflict at most for each item of a list, with the first item that has the same. */
function repeated(
  list: List,
  file: string,
  items: readonly (readonly string[])[],
  field: string,
  allowed: string,
): Problem[] {
  const owners = new Map<string, number>();
  return items.flatMap((values, index) => {
    const taken = values.find((value) => owners.has(value));
    for (const value of values) if (!owners.has(value)) owners.set(value, index);
    if (taken === undefined) return [];
    const shown = taken.replace(/^(?:rtsp|file):/, "");
    const what = `gives ${shown}, which ${list}[${owners.get(taken)}] has already`;
    const place = { file, path: `${list}[${index}].${field}` };
    return [problem("wrong-setting", place, refusal(what, allowed))];
  });
}
