/** Words that no output may hold, as a redactor wants them. */

/** Enough for everything that is secret at one time; a pattern of more would cost every line of the log. */
const MOST_WORDS = 1024;

/** Adds what is secret now to what was: a line about the old ones may come late. The same array if nothing is new. */
export function withEarlier(now: readonly string[], earlier: readonly string[]): readonly string[] {
  const known = new Set(earlier);
  if (now.every((word) => known.has(word))) return earlier;
  return [...new Set([...now, ...earlier])].slice(0, Math.max(MOST_WORDS, now.length));
}
