/** The nearest right word for a wrong one, for words that people write. */

import { closest } from "../closest.js";

/** Comparing takes time in proportion to the length; nothing that long is a slip of a name. */
const LONGEST_NAME = 64;

export function nearest(word: string, candidates: readonly string[]): string | undefined {
  return word.length > LONGEST_NAME ? undefined : closest(word, candidates);
}
