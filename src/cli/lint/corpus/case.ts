/** The shape of the corpus: what is linted, and every problem that must be told, no more and no less. */

import type { Code } from "../../../common/problem-codes.js";

/** CODE and path, separated by a blank. */
export type Expected = `${Code} ${string}`;

export interface Case {
  readonly name: string;
  /** A gst-launch line. */
  readonly launch?: string;
  /** The text of a specification; an object is written as JSON. */
  readonly spec?: string | object;
  /** Files of a bundle by name. */
  readonly bundle?: Readonly<Record<string, string | Uint8Array>>;
  /**
   * Problems by target: a board, RELEASE/PLATFORM, or several separated by blanks. Problems that do not depend on the
   * target stand under each.
   */
  readonly on: Readonly<Record<string, readonly Expected[]>>;
  /** Must be found in one of the messages: the nearest right word, or what to do. */
  readonly says?: RegExp;
}
