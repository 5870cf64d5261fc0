/**
 * Parses Horizon's constraints: text to a tree of clauses, or an error with its position.
 *
 * Horizon reads a constraint twice. The first pass decides whether it is accepted; the second builds what is evaluated, and
 * stops at a closing parenthesis that nothing opened, whatever follows. Both are done here, so that this parser accepts what
 * Horizon accepts, with the meaning that it has there, and knows what Horizon silently ignores.
 */

import { parseVersionRange } from "../../common/horizon-version.js";
import type { PlaceInFile } from "../../common/json/document.js";
import { ConstraintError, type Token, tokenAt } from "./constraint-lexer.js";

/** Horizon's grammar accepts `=>` and `=<`, and then treats them as `==` on numbers. */
type Operator = "==" | "=" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "=>" | "=<" | "=<=" | "=>=";

/** One test of a constraint, such as `slipstream.ring <= 1`. */
export interface Clause {
  readonly t: "clause";
  /** The name of the property. With a leading blank if the constraint has one: then no property has that name. */
  readonly name: string;
  readonly operator: Operator;
  /** As written, quotes included. */
  readonly value: string;
  /** Offset in the constraint. */
  readonly at: number;
}

export type Expression =
  | Clause
  | { readonly t: "all"; readonly of: readonly Expression[] }
  | { readonly t: "any"; readonly of: readonly Expression[] };

export interface Constraint {
  readonly text: string;
  readonly expression: Expression;
  /** Undefined: it does not come from a file. */
  readonly place: PlaceInFile | undefined;
  /** What Horizon accepts although surely nobody means it, with the offset. */
  readonly warnings: readonly ConstraintWarning[];
}

interface ConstraintWarning {
  readonly at: number;
  readonly message: string;
}

type Item = Clause | { readonly t: "and" | "or" | "(" | ")"; readonly at: number };

/** Parses one constraint; an empty one is always satisfied. Throws a ConstraintError. */
export function parseConstraint(text: string, place?: PlaceInFile): Constraint {
  const items = itemsOf(text.replaceAll("\u0007", " "));
  const { expression, end } = build(items, 0);
  const warnings = items.flatMap(warningsAbout);
  const ignored = items[end];
  if (ignored !== undefined) {
    warnings.push({ at: ignored.at, message: "Horizon ignores everything from here on" });
  }
  return { text, expression, place, warnings };
}

function warningsAbout(item: Item): ConstraintWarning[] {
  if (item.t !== "clause") return [];
  const { at, name, operator } = item;
  if (name !== name.trimStart()) {
    const message =
      "the leading blank makes this test false on every node: Horizon takes it as part of the name";
    return [{ at, message }];
  }
  if (!["==", "=", "!=", "<", ">", "<=", ">=", "in"].includes(operator)) {
    return [{ at, message: `Horizon accepts '${operator}' and treats it as '=='` }];
  }
  return [];
}

export function displayClause({ name, operator, value }: Clause): string {
  return `${name} ${operator} ${value}`;
}

/** A number as Horizon's agent reads one: a quoted number is none. */
export function parseNumber(text: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (word === null) return undefined;
  if (word[2]?.toLowerCase() === "nan") return Number.NaN;
  return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** The first pass: clauses and operators in turn, with as many parentheses opened as closed. */
function itemsOf(text: string): Item[] {
  const items: Item[] = [];
  let at = 0;
  let depth = 0;
  while (at < text.length) {
    const first = tokenAt(text, at);
    if (first === undefined) break;
    const hasClause = first.type !== "open" && first.type !== "close";
    if (hasClause) {
      const { clause, end } = clauseAt(text, first);
      items.push(clause);
      at = end;
    }
    for (;;) {
      const token = operatorAt(text, at, hasClause);
      if (token === undefined) break;
      items.push({ t: itemTypes[token.type], at: token.at });
      at = token.at + token.text.length;
      if (token.type === "open") depth++;
      else if (token.type === "close") depth--;
      else break;
    }
    if (text.slice(at).trim() === "") break;
  }
  if (depth > 0) throw new ConstraintError("a parenthesis is not closed", text.length);
  if (depth < 0)
    throw new ConstraintError("a parenthesis is closed that was not opened", text.lastIndexOf(")"));
  return items;
}

const itemTypes = { and: "and", or: "or", open: "(", close: ")" } as const;

interface OperatorToken extends Token {
  readonly type: keyof typeof itemTypes;
}

/** The operator or parenthesis at `at`; undefined at the end, and before a clause that follows only parentheses. */
function operatorAt(text: string, at: number, hasClause: boolean): OperatorToken | undefined {
  let token: Token | undefined;
  try {
    token = tokenAt(text, at);
  } catch (error) {
    if (hasClause) throw error;
    return undefined; // The next clause reports it.
  }
  if (token === undefined) return undefined;
  const { type } = token;
  if (type === "and" || type === "or" || type === "open" || type === "close")
    return { ...token, type };
  if (!hasClause) return undefined;
  const what = JSON.stringify(token.text.trim());
  throw new ConstraintError(
    `expected AND, OR or the end instead of ${what}; AND and OR need blanks on both sides`,
    token.at,
  );
}

function clauseAt(text: string, first: Token): { clause: Clause; end: number } {
  if (first.type !== "word") {
    const hint = first.type === "in" ? ": Horizon cannot read a name that starts like this" : "";
    throw new ConstraintError(
      `expected the name of a property instead of ${quote(first)}${hint}`,
      first.at,
    );
  }
  const second = tokenAt(text, first.at + first.text.length);
  if (second === undefined) {
    throw new ConstraintError(`expected an operator after ${quote(first)}`, text.length);
  }
  if (second.type === "equal" || second.type === "compare" || second.type === "in") {
    const at = second.at + second.text.length;
    const value = tokenAt(text, at);
    if (value === undefined)
      throw new ConstraintError(`expected a value after ${quote(second)}`, text.length);
    checkValue(second, value);
    return {
      clause: clauseOf(first.text, second.text.trim(), value, first.at),
      end: at + value.text.length,
    };
  }
  // The agent splits `in` off a name that ends in it, so that it reads `xyzin "a,b"` as xyz in "a,b".
  if (first.text.length > 3 && first.text.endsWith("in") && isValue(second)) {
    return {
      clause: clauseOf(first.text.slice(0, -2), "in", second, first.at),
      end: second.at + second.text.length,
    };
  }
  throw new ConstraintError(
    `expected an operator (== != < > <= >= in) instead of ${quote(second)}`,
    second.at,
  );
}

function clauseOf(name: string, operator: string, value: Token, at: number): Clause {
  // The lexer's rules for operators match exactly the members of Operator.
  return { t: "clause", name, operator: operator as Operator, value: value.text.trim(), at };
}

function isValue(token: Token): boolean {
  return ["word", "quoted", "list", "version", "range", "number"].includes(token.type);
}

function checkValue(operator: Token, value: Token): void {
  const fail = (message: string): never => {
    throw new ConstraintError(message, value.at);
  };
  if (!isValue(value)) fail(`expected a value instead of ${quote(value)}`);
  switch (operator.type) {
    case "equal":
      if (value.type === "range") fail("a version range needs the operator in");
      if (value.type === "list") fail("a list needs the operator in");
      return;
    case "compare":
      if (parseNumber(value.text) === undefined) {
        fail(`${operator.text.trim()} compares numbers, and ${quote(value)} is not one`);
      }
      return;
    default:
      if (value.type === "word" || value.type === "number") {
        fail(`in needs a quoted list or a version range, not ${quote(value)}`);
      }
      if (value.type === "range") checkRange(value, fail);
  }
}

function checkRange(value: Token, fail: (message: string) => never): void {
  try {
    parseVersionRange(value.text);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

function quote(token: Token): string {
  return `'${token.text.trim()}'`;
}

/** The second pass, from item `start` to the parenthesis that ends it. AND binds tighter than OR. */
function build(items: readonly Item[], start: number): { expression: Expression; end: number } {
  const alternatives: Expression[] = [];
  let all: Expression[] = [];
  let at = start;
  for (;;) {
    const item = items[at];
    if (item?.t === "clause") {
      all.push(item);
      at++;
    }
    let operator = items[at];
    at++;
    if (operator?.t === "(") {
      const inner = build(items, at);
      all.push(inner.expression);
      operator = items[inner.end];
      at = inner.end + 1;
      if (operator?.t === "clause") {
        throw new ConstraintError(
          "expected AND, OR or the end instead of another test",
          operator.at,
        );
      }
    }
    if (operator?.t === "or") {
      alternatives.push(join("all", all));
      all = [];
    } else if (operator === undefined || operator.t === ")") {
      alternatives.push(join("all", all));
      return { expression: join("any", alternatives), end: Math.min(at, items.length) };
    }
  }
}

function join(t: "all" | "any", of: readonly Expression[]): Expression {
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { t, of };
}
