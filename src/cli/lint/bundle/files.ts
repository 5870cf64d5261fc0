/** The files that a configuration names: are they there and usable? */

import type { NvinferKey } from "../../../common/catalogue/data.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { at, type Bundle } from "./bundle.js";

/** A path below here is the DeepStream image's own: it is not on the machine that lints. */
const IMAGE = "/opt/nvidia/";

export function fileProblems(bundle: Bundle, keys: readonly NvinferKey[]): Problem[] {
  const byName = new Map(keys.map((key) => [key.name, key]));
  return bundle.config.settings.flatMap((setting) => {
    const key = byName.get(setting.key);
    const facts = bundle.files.get(setting.value);
    if (key?.type !== "path" || facts === undefined) return [];
    const path = at(bundle, setting);
    if (facts.t === "unusable") {
      const code = key.name === "onnx-file" ? "network-unreadable" : "file-unreadable";
      return [problem(code, path, `${setting.value}: ${facts.why}`)];
    }
    const mayBeElsewhere = key.written || key.outside || setting.value.startsWith(IMAGE);
    if (facts.t !== "missing" || mayBeElsewhere) return [];
    const hint = didYouMean(closest(setting.value, bundle.names));
    return [
      problem(
        "file-missing",
        path,
        `${key.name}: there is no ${setting.value} in the bundle${hint}`,
      ),
    ];
  });
}
