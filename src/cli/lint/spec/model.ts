/** Rules about the model's settings, against the bundle if there is one. */

import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { type Bundle, labelsOf } from "../bundle/bundle.js";
import type { Model } from "./spec.js";

export function modelProblems(model: Model | undefined, bundle: Bundle | undefined): Problem[] {
  if (model === undefined || (model.bundle_path ?? "") === "") {
    return [problem("missing-field", "model.bundle_path", "it names no model bundle")];
  }
  const { threshold } = model;
  const problems: Problem[] = [];
  if (threshold !== undefined && (threshold < 0 || threshold > 1)) {
    problems.push(problem("out-of-range", "model.threshold", "a threshold is 0 to 1"));
  }
  return [...problems, ...classProblems(model.classes ?? [], bundle && labelsOf(bundle))];
}

function classProblems(
  classes: readonly string[],
  labels: readonly string[] | undefined,
): Problem[] {
  if (labels === undefined) return [];
  return classes.flatMap((name, i) => {
    if (labels.includes(name)) return [];
    const message = `the model has no class "${name}"${didYouMean(closest(name, labels))}`;
    return [problem("unknown-class", `model.classes[${i}]`, message)];
  });
}
