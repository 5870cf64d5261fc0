/** The linter: every problem of a specification, a model bundle and a gst-launch line on one target. Pure. */

import type { Catalogue } from "../../common/catalogue/catalogue.js";
import type { AnyTarget } from "../../common/catalogue/targets.js";
import type { Problem } from "../../common/problem.js";
import type { Bundle } from "./bundle/bundle.js";
import { lintBundleForCpu } from "./bundle/cpu-rules.js";
import { lintBundle } from "./bundle/rules.js";
import type { LaunchLine } from "./launch/parse.js";
import { lintLaunch } from "./launch/rules.js";
import { lintSpec } from "./spec/rules.js";
import type { Spec } from "./spec/schema.js";

/** What is linted: any of the three. */
export interface LintSubject {
  readonly spec?: Spec | undefined;
  readonly bundle?: Bundle | undefined;
  readonly launch?: LaunchLine | undefined;
}

export function lint(subject: LintSubject, target: AnyTarget, catalogue: Catalogue): Problem[] {
  const { spec, bundle, launch } = subject;
  const ofSpec = spec === undefined ? [] : lintSpec(spec, bundle, target, catalogue.facts);
  if (target.engine === "cpu") {
    // It has no launch line: the command refuses one.
    return [...ofSpec, ...(bundle === undefined ? [] : lintBundleForCpu(bundle, catalogue))];
  }
  return [
    ...ofSpec,
    ...(bundle === undefined ? [] : lintBundle(bundle, spec, target, catalogue)),
    ...(launch === undefined ? [] : lintLaunch(launch, target, catalogue)),
  ];
}
