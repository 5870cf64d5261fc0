/**
 * Expands variables in Horizon's input files as `hzn` does: anywhere in the text, before it is read as JSON.
 */

/** One `$NAME` that was expanded. */
export interface Expansion {
  readonly name: string;
  /** Undefined: the variable is unset or empty; `hzn` warns and removes it. */
  readonly value: string | undefined;
  /** Offset of the value in the resulting text. */
  readonly at: number;
}

export interface Expanded {
  readonly text: string;
  readonly expansions: readonly Expansion[];
}

// A name in braces may have any character but a brace. `$1`, `$$` and the like are names of one character, as in a shell.
const reference = /\$(?:\{([^}]*)\}|([0-9*#$@!?-]|[A-Za-z_][A-Za-z0-9_]*)|(\{))/g;

/** Expands `$NAME` and `${NAME}`. A literal `$` before a letter cannot be written. */
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

/** Blanks out block comments, the only ones in Horizon's files. Lines and columns stay the same. */
export function blankComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
}
