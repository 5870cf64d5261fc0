/** One test of a constraint, such as `slipstream.ring <= 1`, against the property that it names. */

import {
  isVersion,
  isVersionRange,
  isWithin,
  parseVersionRange,
} from "../../common/horizon-version.js";
import type { Property } from "./property.js";

/** `=>` and `=<` are taken by Horizon's grammar, and then treated as `==` on numbers. */
export type Operator =
  | "=="
  | "="
  | "!="
  | "<"
  | ">"
  | "<="
  | ">="
  | "in"
  | "=>"
  | "=<"
  | "=<="
  | "=>=";

export interface Clause {
  readonly t: "clause";
  /** The name of the property. With a blank in front where a constraint starts with one: then nothing has that name. */
  readonly name: string;
  readonly operator: Operator;
  /** As written, quotes included. */
  readonly value: string;
  /** Offset in the constraint. */
  readonly at: number;
}

export function displayClause(clause: Clause): string {
  return `${clause.name} ${clause.operator} ${clause.value}`;
}

/** Compiles a clause to a test of the property with its name; the caller decides what absence means. */
export function compileClause(clause: Clause): (property: Property) => boolean {
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

function booleanTest({ operator, value }: Clause): (have: boolean) => boolean {
  const want = booleans.get(value);
  if (want === undefined) return () => false;
  switch (operator) {
    case "==":
    case "=":
      return (have) => have === want;
    case "!=":
      return (have) => have !== want;
    default:
      return () => false;
  }
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

/** Versions of a fleet are few and comparing them is slow, so the answers are kept. */
function rangeTest(want: string): (have: string) => boolean {
  if (!isVersion(want) && !isVersionRange(want)) return () => false;
  const range = parseVersionRange(want);
  const answers = new Map<string, boolean>();
  return (have) => {
    const known = answers.get(have);
    if (known !== undefined) return known;
    const answer = isWithin(range, have);
    if (answers.size < mostAnswers) answers.set(have, answer);
    return answer;
  };
}

const mostAnswers = 1000;

/** Without one pair of quotes and then without blanks around, in that order. */
function bare(text: string): string {
  return trimBlanks(unquote(text));
}

function elements(list: string): string[] {
  return list.split(",").map(element);
}

/** Blanks first, then quotes: the other order than `bare`. */
function element(text: string): string {
  return unquote(trimBlanks(text));
}

function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function trimBlanks(text: string): string {
  return text.replace(/^ +| +$/g, "");
}

/** A number as the agent reads one: quotes make it none. */
export function parseNumber(text: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (word === null) return undefined;
  if (word[2]?.toLowerCase() === "nan") return Number.NaN;
  return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const booleans: ReadonlyMap<string, boolean> = new Map(
  [
    ["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, true] as const),
    ["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, false] as const),
  ].flat(),
);
