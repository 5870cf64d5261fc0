/** Rules for labels and class ids against the number of classes. */

import { type Problem, problem } from "../../../common/problem.js";
import {
  at,
  type Bundle,
  classesOf,
  labelLinesOf,
  labelsOf,
  NETWORK_TYPE,
  networkTypeOf,
  numbersOf,
  property,
} from "./bundle.js";
import { classifiesObjects } from "./classifier-rules.js";

const WITH_LABELS: readonly number[] = [
  NETWORK_TYPE.detector,
  NETWORK_TYPE.instances,
  NETWORK_TYPE.other,
];

/**
 * What a specification may name: classes of objects, one for each of num-detected-classes, or a classifier's values. Undefined: it
 * is not known.
 */
export function classNamesOf(bundle: Bundle): readonly string[] | undefined {
  const lines = labelLinesOf(bundle);
  if (classifiesObjects(bundle))
    return lines?.flatMap((line) => line.split(";").map((label) => label.trim()));
  const hasFile = property(bundle, "labelfile-path") !== undefined;
  const labels = hasFile ? labelsOf(bundle) : [];
  const classes = classesOf(bundle);
  if (labels === undefined || classes === undefined) return undefined;
  return Array.from({ length: Math.max(0, classes) }, (_, id) => labels[id] ?? `class ${id}`);
}

export function labelProblems(bundle: Bundle): Problem[] {
  if (!WITH_LABELS.includes(networkTypeOf(bundle))) return [];
  const problems: Problem[] = [];
  const file = property(bundle, "labelfile-path");
  if (file === undefined) {
    const message = "labelfile-path is missing: classes have no names; set it in [property]";
    problems.push(problem("labels-missing", bundle.file, message));
  }
  const classes = classesOf(bundle);
  if (classes === undefined || property(bundle, "num-detected-classes") === undefined)
    return problems;
  const labels = labelsOf(bundle);
  if (file !== undefined && labels !== undefined && labels.length !== classes) {
    const message = `${file.value} has ${labels.length} labels, num-detected-classes is ${classes}: write one a line, in the order of class ids`;
    problems.push(problem("labels-mismatch", at(bundle, file), message));
  }
  return [...problems, ...filterProblems(bundle, classes)];
}

function filterProblems(bundle: Bundle, classes: number): Problem[] {
  const filter = property(bundle, "filter-out-class-ids");
  if (filter === undefined) return [];
  return numbersOf(bundle, "filter-out-class-ids").flatMap((id) => {
    if (id >= 0 && id < classes) return [];
    const message = `there is no class ${id}: the network has ${classes}, counted from 0`;
    return [problem("class-out-of-range", at(bundle, filter), message)];
  });
}
