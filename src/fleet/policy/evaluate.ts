/** Constraints against properties: a fast verdict, and which clauses failed. */

import type { Clause } from "./clause.js";
import { compileClause } from "./clause.js";
import type { Constraint, Expression } from "./constraint.js";
import type { Property } from "./property.js";
import { findProperty } from "./property.js";

/** A clause that was false. `have` is the property it looked at; undefined where no property has its name. */
export interface FailedClause {
  readonly constraint: Constraint;
  readonly clause: Clause;
  readonly have: Property | undefined;
  /** True where another alternative of an OR could have made the constraint true. */
  readonly alternative: boolean;
}

/** A list of constraints, all of which must hold, compiled once for many evaluations. */
export interface Requirement {
  readonly isMetBy: (properties: readonly Property[]) => boolean;
  /** Every clause that stands in the way; empty when the requirement is met. */
  readonly failures: (properties: readonly Property[]) => readonly FailedClause[];
}

type Failures = (properties: readonly Property[]) => readonly FailedClause[];

interface Compiled {
  readonly holds: (properties: readonly Property[]) => boolean;
  readonly failures: Failures;
}

export function compileRequirement(constraints: readonly Constraint[]): Requirement {
  const compiled = constraints.map((constraint) =>
    compile(constraint, constraint.expression, false),
  );
  const { holds, failures } = every(compiled);
  return { isMetBy: holds, failures };
}

function compile(constraint: Constraint, expression: Expression, alternative: boolean): Compiled {
  switch (expression.t) {
    case "clause":
      return leaf(constraint, expression, alternative);
    case "all":
      return every(expression.of.map((part) => compile(constraint, part, alternative)));
    case "any":
      return some(expression.of.map((part) => compile(constraint, part, true)));
    default:
      return expression satisfies never;
  }
}

function leaf(constraint: Constraint, clause: Clause, alternative: boolean): Compiled {
  const test = compileClause(clause);
  const { name } = clause;
  const holds = (properties: readonly Property[]): boolean => {
    const have = findProperty(properties, name);
    return have !== undefined && test(have); // absent is false, for != too
  };
  return {
    holds,
    failures: (properties) =>
      holds(properties)
        ? []
        : [{ constraint, clause, have: findProperty(properties, name), alternative }],
  };
}

function every(parts: readonly Compiled[]): Compiled {
  return {
    holds: (properties) => parts.every((part) => part.holds(properties)),
    failures: (properties) => parts.flatMap((part) => part.failures(properties)),
  };
}

function some(parts: readonly Compiled[]): Compiled {
  return {
    holds: (properties) => parts.some((part) => part.holds(properties)),
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
