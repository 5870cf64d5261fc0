/** Ids and paths that two cameras or two outputs of one specification share. */

import { type Problem, problem, refusal } from "../problem.js";
import type { Output, PipelineSpec } from "./spec.js";

type List = "cameras" | "outputs";

/** `files`: where the lists come from. */
export function duplicatesIn(
  { cameras, outputs }: Pick<PipelineSpec, List>,
  files: Readonly<Record<List, string>>,
): Problem[] {
  /** One problem at most for each item of a list: the first item that has the same value. */
  const repeated = (
    list: List,
    valuesOfItems: readonly (readonly string[])[],
    field: string,
    allowed: string,
  ): Problem[] => {
    const owners = new Map<string, number>();
    return valuesOfItems.flatMap((values, index) => {
      const taken = values.find((value) => owners.has(value));
      for (const value of values) if (!owners.has(value)) owners.set(value, index);
      if (taken === undefined) return [];
      const shown = taken.replace(/^(?:rtsp|file):/, "");
      const what = `is ${shown}, which ${list}[${owners.get(taken)}] has already`;
      const place = { file: files[list], path: `${list}[${index}].${field}` };
      return [problem("duplicate-id", place, refusal(what, allowed))];
    });
  };
  const ids = cameras.map(({ id }) => id);
  const idsOf = (items: readonly { readonly id: string }[]) => items.map(({ id }) => [id]);
  const paths = outputs.map((output) => pathsOf(output, ids));
  return [
    ...repeated("cameras", idsOf(cameras), "id", "a different id for every camera"),
    ...repeated("outputs", idsOf(outputs), "id", "a different id for every output"),
    ...repeated("outputs", paths, "target.path", "a different path for every stream"),
  ];
}

/**
 * The paths of the streams of an output; one stream per camera has the camera's id in its path. Old files of an output are
 * removed together: two outputs with one path would remove each other's.
 */
function pathsOf({ layout, target }: Output, ids: readonly string[]): string[] {
  if (target.t === "window") return [];
  if (target.t === "file") return [`file:${target.path}`];
  const paths = layout === "tiled" ? [target.path] : ids.map((id) => `${target.path}/${id}`);
  return paths.map((path) => `${target.t}:${path}`);
}
