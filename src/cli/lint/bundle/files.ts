/** Rules for the files that a bundle's configuration names. */

import { dirname, isAbsolute, join } from "node:path";
import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { AnyTarget } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { at, type Bundle, weightFiles } from "./bundle.js";
import type { Setting } from "./key-file.js";
import { effectiveSettings } from "./nvinfer-keys.js";

/** Files below this path belong to the DeepStream image: the machine that runs the linter need not have them. */
const IMAGE = "/opt/nvidia/";

/** isUsed: whether the file of a key of [property] is read. */
export function fileProblems(
  bundle: Bundle,
  target: AnyTarget,
  { nvinferKeys }: Catalogue,
  isUsed: (key: string) => boolean,
): Problem[] {
  const named = new Map(
    nvinferKeys.flatMap((key) => (key.type === "path" && !key.written ? [[key.name, key]] : [])),
  );
  return effectiveSettings(bundle)
    .filter(({ group, key }) => group === "property" && named.has(key) && isUsed(key))
    .flatMap((setting) => problemsOf(setting, bundle, target));
}

function leadsOutside(name: string): boolean {
  return isAbsolute(name) || name.split("/").includes("..");
}

function problemsOf(setting: Setting, bundle: Bundle, target: AnyTarget): Problem[] {
  const { key, value } = setting;
  const path = at(bundle, setting);
  const file = bundle.files.get(value);
  const isText = bundle.config.values.text(setting.raw) !== undefined && !value.includes("\0");
  if (file === undefined || !isText) return [];
  // NVIDIA's image has networks and libraries that a bundle may name by their absolute paths.
  const mayBeOutside =
    target.engine === "deepstream" && (isAbsolute(value) || bundle.form === "file");
  if (bundle.outside.has(value) && !mayBeOutside) {
    const message = `${key}: ${value} lies outside the bundle: copy it into the bundle's directory`;
    return [problem("file-outside", path, message)];
  }
  switch (file.t) {
    case "unusable":
      return [problem(file.code, path, `${value}: ${file.why}`)];
    case "missing": {
      if (target.engine === "deepstream" && value.startsWith(IMAGE)) return [];
      const hint = didYouMean(closest(value, bundle.names));
      return [problem("file-missing", path, `${key}: there is no ${value} in the bundle${hint}`)];
    }
    case "onnx": {
      const outside = file.onnx.external.find(
        (name) => leadsOutside(name) || bundle.outside.has(join(dirname(value), name)),
      );
      if (outside !== undefined) {
        const message = `${value} has weights in ${outside}, outside its directory: export it again`;
        return [problem("file-outside", path, message)];
      }
      return weightFiles(value, file.onnx)
        .filter((name) => !bundle.sizes.has(name))
        .map((name) => {
          const message = `${value} has weights in ${name}, which is not in the bundle: copy it there`;
          return problem("file-missing", path, message);
        });
    }
    default:
      return [];
  }
}
