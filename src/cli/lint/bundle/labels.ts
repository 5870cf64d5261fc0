/** Labels and class ids against the number of classes. */

import { type Problem, problem } from "../../../common/problem.js";
import { at, type Bundle, labelsOf, numberOf, property } from "./bundle.js";

const DETECTOR = 0;
const OTHER = 100;

export function labelProblems(bundle: Bundle): Problem[] {
  const count = property(bundle, "num-detected-classes");
  const type = numberOf(bundle, "network-type", DETECTOR);
  if (type !== DETECTOR && type !== OTHER) return [];
  if (count === undefined) {
    const message = "a detector needs num-detected-classes in [property]";
    return type === DETECTOR ? [problem("missing-key", bundle.file, message)] : [];
  }
  const classes = numberOf(bundle, "num-detected-classes", 0);
  return [...labelCountProblems(bundle, classes), ...classIdProblems(bundle, classes)];
}

function labelCountProblems(bundle: Bundle, classes: number): Problem[] {
  const labels = labelsOf(bundle);
  const setting = property(bundle, "labelfile-path");
  if (labels === undefined || setting === undefined || labels.length === classes) return [];
  const message = `${setting.value} has ${labels.length} labels, num-detected-classes says ${classes}`;
  return [problem("labels-mismatch", at(bundle, setting), message)];
}

function classIdProblems(bundle: Bundle, classes: number): Problem[] {
  const groups = bundle.config.groups.flatMap((group) => {
    const id = /^class-attrs-(\d+)$/.exec(group.name)?.[1];
    return id === undefined ? [] : [{ id: Number(id), line: group.line }];
  });
  const filter = property(bundle, "filter-out-class-ids");
  const filtered = (filter?.value.match(/\d+/g) ?? []).map((id) => ({
    id: Number(id),
    line: filter?.line ?? 0,
  }));
  return [...groups, ...filtered]
    .filter(({ id }) => id >= classes)
    .map(({ id, line }) => {
      const message = `there is no class ${id}: the network has ${classes}, counted from 0`;
      return problem("class-out-of-range", at(bundle, { line }), message);
    });
}
