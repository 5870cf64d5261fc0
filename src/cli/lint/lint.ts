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
  /** Of the models behind the first, in their order. Undefined: it is not known. */
  readonly otherBundles?: readonly (NamedBundle | undefined)[];
  readonly launch?: LaunchLine | undefined;
}

export interface NamedBundle {
  /** Of its directory. */
  readonly name: string;
  readonly bundle: Bundle;
}

export function lint(subject: LintSubject, target: AnyTarget, catalogue: Catalogue): Problem[] {
  const { spec, bundle, otherBundles = [], launch } = subject;
  const ofBundle = (one: Bundle, cameras: Spec | undefined) =>
    target.engine === "cpu"
      ? lintBundleForCpu(one, catalogue)
      : lintBundle(one, cameras, target, catalogue);
  const bundles = [bundle, ...otherBundles.map((one) => one?.bundle)];
  return [
    ...(spec === undefined ? [] : lintSpec(spec, bundles, target, catalogue.facts)),
    ...(bundle === undefined ? [] : ofBundle(bundle, spec)),
    // Their batch is one of objects: the number of cameras says nothing about it.
    ...otherBundles.flatMap((one) =>
      one === undefined ? [] : inBundle(one.name, ofBundle(one.bundle, undefined)),
    ),
    // Engine cpu has no launch line: the command refuses one.
    ...(launch === undefined || target.engine === "cpu"
      ? []
      : lintLaunch(launch, target, catalogue)),
  ];
}

/** Tells the files of a bundle from those of the first one. */
export function inBundle(name: string, problems: readonly Problem[]): Problem[] {
  return problems.map((one) =>
    one.file === undefined
      ? { ...one, path: `${name}/${one.path}` }
      : { ...one, file: `${name}/${one.file}` },
  );
}
