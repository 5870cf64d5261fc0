/** All rules about a specification. */

import type { FactsFile } from "../../../common/catalogue/data.js";
import type { Target } from "../../../common/catalogue/targets.js";
import type { Problem } from "../../../common/problem.js";
import type { Bundle } from "../bundle/bundle.js";
import { cameraProblems } from "./cameras.js";
import { modelProblems } from "./model.js";
import { outputProblems } from "./outputs.js";
import type { Spec } from "./spec.js";
import { capacityProblems, displayProblems, trackerProblems } from "./target.js";

export function lintSpec(
  spec: Spec,
  bundle: Bundle | undefined,
  target: Target,
  facts: FactsFile,
): Problem[] {
  return [
    ...cameraProblems(spec.cameras),
    ...modelProblems(spec.model, bundle),
    ...outputProblems(spec.outputs),
    ...trackerProblems(spec, target, facts),
    ...capacityProblems(spec, target),
    ...displayProblems(spec, target),
  ];
}
