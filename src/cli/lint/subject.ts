/** What is linted: any of a specification, a model bundle and a gst-launch line. */

import type { Bundle } from "./bundle/bundle.js";
import type { LaunchLine } from "./launch/parse.js";
import type { Spec } from "./spec/spec.js";

export interface LintSubject {
  readonly spec?: Spec | undefined;
  readonly bundle?: Bundle | undefined;
  readonly launch?: LaunchLine | undefined;
}
