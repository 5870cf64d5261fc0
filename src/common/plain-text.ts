/** Text from outside, which may hold what a terminal would obey, or what shows a line in another order. */

/** Line ends in any script, and tabs. */
const BLANKS = /[\t\n\v\f\r\u0085\u2028\u2029]/g;
/** C0, DEL and C1; marks and overrides of direction; halves of surrogate pairs. */
const COMMANDS = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Surrogate}]/gu;

/** Text of several lines, each of which becomes plain. Tabs stay. */
export function plainLines(text: string): string {
  return text.replace(/[^\t\n]+/g, plainText);
}

/** The text on one line, with blanks for line ends and ? for characters that are commands. Keeps its length or less. */
export function plainText(text: string): string {
  return text.replace(BLANKS, " ").replace(COMMANDS, "?");
}
