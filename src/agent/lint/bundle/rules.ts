/** All rules about a model bundle. */

import type { Catalogue } from "../../catalogue/catalogue.js";
import type { Target } from "../../catalogue/targets.js";
import type { Problem } from "../problem.js";
import type { Spec } from "../spec/spec.js";
import type { Bundle } from "./bundle.js";
import { engineFileProblems, precisionOn } from "./engine.js";
import { fileProblems } from "./files.js";
import { formatProblems, precisionProblems } from "./format.js";
import { keyProblems } from "./keys.js";
import { labelProblems } from "./labels.js";
import { memoryProblems } from "./memory.js";
import { networkProblems } from "./network.js";

export function lintBundle(
  bundle: Bundle,
  spec: Spec | undefined,
  target: Target,
  catalogue: Catalogue,
): Problem[] {
  const { facts, nvinferKeys } = catalogue;
  const cameras = spec?.cameras.length;
  const precision = precisionOn(bundle, target, facts);
  return [
    ...keyProblems(bundle, target, nvinferKeys),
    ...fileProblems(bundle, nvinferKeys),
    ...formatProblems(bundle, target, facts),
    ...precisionProblems(bundle, target),
    ...networkProblems(bundle, cameras, target),
    ...engineFileProblems(bundle, cameras, precision, facts),
    ...labelProblems(bundle),
    ...memoryProblems(bundle, cameras ?? 1, precision, target, facts),
  ];
}
