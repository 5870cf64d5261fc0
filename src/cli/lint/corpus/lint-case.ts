/** A case of the corpus: what is linted, and exactly the problems that the linter must report. */

import type { Code } from "../../../common/problem-codes.js";

/** CODE and path, separated by a blank. */
type Expected = `${Code} ${string}`;

export interface LintCase {
  readonly name: string;
  /** A gst-launch line. */
  readonly launch?: string;
  /** The text of a specification, or an object to be written as JSON. */
  readonly spec?: string | object;
  /** The files of a bundle by name. A configuration in YAML is linted by its name. */
  readonly bundle?: Readonly<Record<string, string | Uint8Array>>;
  /**
   * Problems by target: a board, RELEASE/PLATFORM, or several separated by blanks. Problems that do not depend on the
   * target are listed for each.
   */
  readonly on: Readonly<Record<string, readonly Expected[]>>;
  /** One of the messages must match it: the nearest right word, or what to do. */
  readonly says?: RegExp;
}
