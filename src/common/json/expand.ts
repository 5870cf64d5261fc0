/**
 * Variables in Horizon's input files, replaced as `hzn` replaces them: anywhere in the text, before it is read as JSON.
 */

/** One `$NAME` that was replaced. */
export interface Expansion {
  readonly name: string;
  /** Undefined where the variable is unset or empty; `hzn` warns and puts nothing in its place. */
  readonly value: string | undefined;
  /** Where the value starts in the resulting text. */
  readonly at: number;
}

export interface Expanded {
  readonly text: string;
  readonly expansions: readonly Expansion[];
}

// A name in braces may hold anything but a brace. `$1`, `$$` and the like are names of one character, as in a shell.
const reference = /\$(?:\{([^}]*)\}|([0-9*#$@!?-]|[A-Za-z_][A-Za-z0-9_]*)|(\{))/g;

/** Replaces `$NAME` and `${NAME}`. There is no way to write a literal `$` before a letter. */
export function expandVariables(
  text: string,
  lookup: (name: string) => string | undefined,
): Expanded {
  const expansions: Expansion[] = [];
  let result = "";
  let copied = 0;
  for (const match of text.matchAll(reference)) {
    const [whole, braced, plain] = match;
    result += text.slice(copied, match.index);
    copied = match.index + whole.length;
    const name = braced ?? plain ?? "";
    if (name === "") continue; // "${}" and an open "${" vanish
    const value = lookup(name) || undefined;
    expansions.push({ name, value, at: result.length });
    result += value ?? "";
  }
  return { text: result + text.slice(copied), expansions };
}

/** The text without its comments, every line and column where it was. Horizon's files may have block comments alone. */
export function blankComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
}
