/** All rules about a model bundle. */

import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { Target } from "../../../common/catalogue/targets.js";
import type { Problem } from "../../../common/problem.js";
import type { Spec } from "../spec/spec.js";
import type { Bundle } from "./bundle.js";
import { networkOf } from "./choice.js";
import { engineFileProblems, precisionOn } from "./engine.js";
import { fileProblems } from "./files.js";
import { formatProblems, precisionProblems } from "./format.js";
import { keyProblems } from "./keys.js";
import { labelProblems } from "./labels.js";
import { memoryProblems } from "./memory.js";
import { networkProblems, operatorProblems } from "./network.js";

export function lintBundle(
  bundle: Bundle,
  spec: Spec | undefined,
  target: Target,
  catalogue: Catalogue,
): Problem[] {
  const { facts, nvinferKeys, onnx } = catalogue;
  const cameras = spec?.cameras.length;
  const precision = precisionOn(bundle, target, facts);
  const network = networkOf(bundle, facts.formats, target.release);
  return [
    ...keyProblems(bundle, target, nvinferKeys),
    ...fileProblems(bundle, nvinferKeys),
    ...formatProblems(bundle, network, target),
    ...precisionProblems(bundle, target),
    ...networkProblems(bundle, network, cameras, target),
    ...operatorProblems(bundle, network, target, onnx),
    ...engineFileProblems(bundle, network, cameras, precision, facts),
    ...labelProblems(bundle),
    ...memoryProblems(bundle, network, cameras ?? 1, precision, target, facts),
  ];
}
