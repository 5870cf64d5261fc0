/** Splits Horizon's constraint language into tokens, exactly as the Horizon agent does. */

/** `list` is a quoted word that holds a comma. */
type TokenType =
  | "and"
  | "or"
  | "compare"
  | "in"
  | "equal"
  | "range"
  | "version"
  | "number"
  | "open"
  | "close"
  | "word"
  | "quoted"
  | "list";

export interface Token {
  readonly type: TokenType;
  /** The exact text. Some tokens include the blanks around them. */
  readonly text: string;
  /** Offset in the constraint. */
  readonly at: number;
}

/** A constraint that Horizon refuses, or cannot read to the end. */
export class ConstraintError extends Error {
  override readonly name = "ConstraintError";
  /** Offset of the first character that does not fit. */
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const blank = "[ \\t\\r\\n]";
const alphanumeric =
  "0-9a-zA-Z\\u4E00-\\u9FFF\\u00A0-\\u00FF\\u3040-\\u309F\\u1100-\\u11FF\\uAC00-\\uD7AF\\u30A0-\\u30FF\\uFF00-\\uFFEF\\u20A0-\\u20CF";
const word = `${alphanumeric}_\\-/!?+~'.`;
const version = "[0-9]*\\.[0-9]*\\.[0-9]*";

// The order is the agent's: the first rule that matches wins, not the longest. So `1.2.3` is a version, `1.2` a number, and
// `5g` the number 5 followed by a stray `g`. A word may start with `in` only by the first rule, which takes every leading
// `in` and then wants a letter other than `i`: `inner` is a word, `initial` and `inin` are the operator and a rest.
const rules: ReadonlyArray<readonly [TokenType, RegExp]> = [
  ["word", new RegExp(`(?=((?:in)+))\\1(?!i)[${word}]+`, "y")],
  ["and", new RegExp(`${blank}+(?:AND|&&)${blank}+`, "y")],
  ["or", new RegExp(`${blank}+(?:OR|\\|\\|)${blank}+`, "y")],
  ["compare", new RegExp(`${blank}*=?[<>]=?${blank}*`, "y")],
  ["in", new RegExp(`${blank}*in${blank}*`, "y")],
  ["equal", new RegExp(`${blank}*(?:!=|==?)${blank}*`, "y")],
  [
    "range",
    new RegExp(`${blank}*[([]${version}${blank}*,${blank}*(?:${version}|INFINITY)[\\])]`, "y"),
  ],
  ["version", new RegExp(`${blank}*${version}`, "y")],
  ["number", new RegExp(`${blank}*-?[0-9]+(?:\\.[0-9]*)?`, "y")],
  ["open", new RegExp(`${blank}*\\(${blank}*`, "y")],
  ["close", new RegExp(`${blank}*\\)`, "y")],
  ["word", new RegExp(`${blank}*[${word}]+`, "y")],
  ["quoted", new RegExp(`${blank}*"[${word} \\t]+"`, "y")],
  ["list", new RegExp(`${blank}*"[${word}, \\t]+"`, "y")],
];

/** The token that starts at `at`; undefined if only blanks are left. */
export function tokenAt(text: string, at: number): Token | undefined {
  for (const [type, rule] of rules) {
    const sticky = new RegExp(rule); // A copy, since lastIndex is state.
    sticky.lastIndex = at;
    const match = sticky.exec(text);
    if (match !== null) return { type, text: match[0], at };
  }
  if (text.slice(at).trim() === "") return undefined;
  const rest = text.slice(at).trimStart();
  const where = text.length - rest.length;
  throw new ConstraintError(`'${rest.charAt(0)}' does not belong here${hint(rest)}`, where);
}

function hint(rest: string): string {
  if (rest.startsWith('"')) {
    return `: a quoted value is not empty and holds only letters, digits, blanks, commas and _ - / ! ? + ~ ' .`;
  }
  if (rest.startsWith("["))
    return ": a version range is written [1.0.0,2.0.0) with three numbers each";
  return "";
}
