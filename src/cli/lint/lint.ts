/** The linter: every problem of a subject on one target. Pure; readers turn files and text into subjects. */

import type { Catalogue } from "../../common/catalogue/catalogue.js";
import type { Target } from "../../common/catalogue/targets.js";
import type { Problem } from "../../common/problem.js";
import { lintBundle } from "./bundle/rules.js";
import { lintLaunch } from "./launch/rules.js";
import { lintSpec } from "./spec/rules.js";
import type { LintSubject } from "./subject.js";

export function lint(subject: LintSubject, target: Target, catalogue: Catalogue): Problem[] {
  const { spec, bundle, launch } = subject;
  return [
    ...(spec === undefined ? [] : lintSpec(spec, bundle, target, catalogue.facts)),
    ...(bundle === undefined ? [] : lintBundle(bundle, spec, target, catalogue)),
    ...(launch === undefined ? [] : lintLaunch(launch, target, catalogue)),
  ];
}
