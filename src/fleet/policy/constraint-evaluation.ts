/** Constraints against properties: a fast verdict, and which clauses failed. */

import {
  isVersion,
  isVersionRange,
  isWithin,
  parseVersionRange,
} from "../../common/horizon-version.js";
import { type Clause, type Constraint, type Expression, parseNumber } from "./constraint-parser.js";
import { findProperty, type Property } from "./property.js";

/** A clause that was false. */
export interface FailedClause {
  readonly constraint: Constraint;
  readonly clause: Clause;
  /** The property that it names; undefined: there is none of that name. */
  readonly have: Property | undefined;
  /** True if another alternative of an OR could have made the constraint true. */
  readonly alternative: boolean;
}

/** A list of constraints, all of which must hold, compiled once for many evaluations. */
export interface Requirement {
  readonly isMetBy: (properties: readonly Property[]) => boolean;
  /** Every clause that stands in the way; empty if the requirement is met. */
  readonly failures: (properties: readonly Property[]) => readonly FailedClause[];
}

export function compileRequirement(constraints: readonly Constraint[]): Requirement {
  return all(constraints.map((constraint) => compile(constraint, constraint.expression, false)));
}

function compile(
  constraint: Constraint,
  expression: Expression,
  alternative: boolean,
): Requirement {
  switch (expression.t) {
    case "clause":
      return single(constraint, expression, alternative);
    case "all":
      return all(expression.of.map((part) => compile(constraint, part, alternative)));
    case "any":
      return any(expression.of.map((part) => compile(constraint, part, true)));
    default:
      return expression satisfies never;
  }
}

function single(constraint: Constraint, clause: Clause, alternative: boolean): Requirement {
  const test = compileClause(clause);
  const { name } = clause;
  const isMetBy = (properties: readonly Property[]): boolean => {
    const have = findProperty(properties, name);
    return have !== undefined && test(have); // An absent property is false, for != too.
  };
  return {
    isMetBy,
    failures: (properties) =>
      isMetBy(properties)
        ? []
        : [{ constraint, clause, have: findProperty(properties, name), alternative }],
  };
}

function all(parts: readonly Requirement[]): Requirement {
  return {
    isMetBy: (properties) => parts.every((part) => part.isMetBy(properties)),
    failures: (properties) => parts.flatMap((part) => part.failures(properties)),
  };
}

function any(parts: readonly Requirement[]): Requirement {
  return {
    isMetBy: (properties) => parts.some((part) => part.isMetBy(properties)),
    failures: (properties) => {
      const failed = parts.map((part) => part.failures(properties));
      return failed.some((list) => list.length === 0) ? [] : failed.flat();
    },
  };
}

/** `is 3`, `is absent`: what a failed clause found. */
export function displayFound({ have }: FailedClause): string {
  if (have === undefined) return "is absent";
  return `is ${typeof have.value === "string" ? JSON.stringify(have.value) : have.value}`;
}

/** Compiles a clause to a test of the property that it names. */
function compileClause(clause: Clause): (property: Property) => boolean {
  const onNumber = numberTest(clause);
  const onBoolean = booleanTest(clause);
  const onString = stringTest(clause);
  return (property) => {
    switch (typeof property.value) {
      case "number":
        return onNumber(property.value);
      case "boolean":
        return onBoolean(property.value);
      default:
        return onString(property.value, property.type);
    }
  };
}

function numberTest({ operator, value }: Clause): (have: number) => boolean {
  const want = parseNumber(value);
  if (want === undefined) return () => false;
  switch (operator) {
    case "<":
      return (have) => have < want;
    case ">":
      return (have) => have > want;
    case "<=":
      return (have) => have <= want;
    case ">=":
      return (have) => have >= want;
    case "!=":
      return (have) => have !== want;
    default:
      return (have) => have === want;
  }
}

const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

function booleanTest({ operator, value }: Clause): (have: boolean) => boolean {
  const want = TRUE.includes(value);
  if (!want && !FALSE.includes(value)) return () => false;
  if (operator === "!=") return (have) => have !== want;
  return operator === "==" || operator === "=" ? (have) => have === want : () => false;
}

type StringTest = (have: string, type: Property["type"]) => boolean;

function stringTest({ operator, value }: Clause): StringTest {
  const want = bare(value);
  switch (operator) {
    case "==":
    case "=":
      return (have) =>
        have === want || bare(have) === want || elements(bare(have)).includes(element(want));
    case "!=":
      return (have, type) =>
        type === "list of strings"
          ? !elements(bare(have)).includes(element(want))
          : bare(have) !== want;
    case "in":
      return inTest(want);
    default:
      return () => false;
  }
}

function inTest(want: string): StringTest {
  const wanted = new Set(elements(want));
  const isInRange = rangeTest(want);
  const isRange = isVersionRange(want);
  return (raw, type) => {
    const have = bare(raw);
    if (type === "version" || (isRange && isVersion(have))) return isInRange(have);
    if (type === "list of strings") return elements(have).some((item) => wanted.has(item));
    return wanted.has(element(have));
  };
}

const MOST_ANSWERS = 1000;

/** A fleet has few versions and comparing them is slow, so answers are cached. */
function rangeTest(want: string): (have: string) => boolean {
  if (!isVersion(want) && !isVersionRange(want)) return () => false;
  const range = parseVersionRange(want);
  const answers = new Map<string, boolean>();
  return (have) => {
    const known = answers.get(have);
    if (known !== undefined) return known;
    const answer = isWithin(range, have);
    if (answers.size < MOST_ANSWERS) answers.set(have, answer);
    return answer;
  };
}

/** Without one pair of quotes and then without blanks around, in that order. */
function bare(text: string): string {
  return trimBlanks(unquote(text));
}

function elements(list: string): string[] {
  return list.split(",").map(element);
}

/** Blanks first, then quotes: the reverse order of `bare`. */
function element(text: string): string {
  return unquote(trimBlanks(text));
}

function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function trimBlanks(text: string): string {
  return text.replace(/^ +| +$/g, "");
}
