/** Turns what zod found wrong into problems that the author of a settings document understands. */

import * as z from "zod";
import { closest } from "../../closest.js";
import type { Document, Path } from "../../json/document.js";
import { type Problem, problem, refusal } from "../../problem.js";
import type { Refused } from "./field.js";
import { settingsDocument } from "./schema.js";

/** A path, and what is wrong there. */
type Finding = readonly [path: Path, message: string];
type Issue = z.core.$ZodIssue;

/** Whoever has put these right asks again. */
const MOST_PROBLEMS = 20;

export function problemsOf(issues: readonly Issue[], json: Document): Problem[] {
  const findings: Finding[] = [];
  for (const issue of issues) {
    if (findings.length >= MOST_PROBLEMS) break;
    findings.push(...findingsOf(issue, [], json.value));
  }
  return findings
    .slice(0, MOST_PROBLEMS)
    .map(([path, message]) => problem("wrong-setting", json.placeOf(path), message))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** `within`: the path of the union whose branch has the issue. */
function findingsOf(issue: Issue, within: Path, document: unknown): Finding[] {
  const path = [...within, ...issue.path.map((part) => (typeof part === "symbol" ? "" : part))];
  const value = partOf(document, path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.slice(0, MOST_PROBLEMS).map((key) => unknownKey(path, key));
    case "invalid_union":
      return branchFindings(issue.errors, path, document);
    case "invalid_type":
      return [wrongType(path, value, allowedType(issue))];
    case "too_small":
      return [[path, refusal(sizeOf(value), `at least ${issue.minimum}`)]];
    case "too_big":
      return [[path, refusal(sizeOf(value), `at most ${issue.maximum}`)]];
    case "custom":
      return [customFinding(path, issue)];
    default:
      return [[path, refusal("cannot be used", issue.message)]];
  }
}

function unknownKey(path: Path, key: string): Finding {
  const known = keysAt(path);
  const near = closest(key, known);
  const hint = near === undefined ? undefined : `did you mean ${near}?`;
  return [[...path, key], refusal("is not known", known.join(", "), hint)];
}

/** What is wrong in the one branch whose type the value has, or that it has the type of none. */
function branchFindings(branches: readonly Issue[][], path: Path, document: unknown): Finding[] {
  const isOfOtherType = ([first]: Issue[]) =>
    first?.code === "invalid_type" && first.path.length === 0;
  const branch = branches.find((issues) => !isOfOtherType(issues));
  if (branch !== undefined) return branch.flatMap((issue) => findingsOf(issue, path, document));
  const allowed = branches.map(([issue]) => (issue === undefined ? "" : allowedType(issue)));
  return [wrongType(path, partOf(document, path), allowed.join(", or "))];
}

const TYPES: Readonly<Record<string, string>> = {
  object: "an object { }",
  array: "a list [ ]",
  tuple: "a list [ ]",
  string: "a text in quotes",
};

/** A field says itself what it allows; all else has zod's words. */
function allowedType(issue: Issue): string {
  const expected = issue.code === "invalid_type" ? TYPES[issue.expected] : undefined;
  const isOwn = !issue.message.startsWith("Invalid input");
  return isOwn ? issue.message : (expected ?? issue.message);
}

/** The value is not shown: a password may be a number, too. */
function wrongType(path: Path, value: unknown, allowed: string): Finding {
  if (value === undefined) return [path, refusal("is missing", allowed)];
  const isQuoted = typeof value === "string" && /^(?:-?[\d.]+|true|false)$/.test(value);
  const hint = isQuoted ? "write it without quotes" : undefined;
  return [path, refusal(`is ${typeOf(value)}`, allowed, hint)];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a text";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function sizeOf(value: unknown): string {
  return Array.isArray(value) ? `has ${value.length} items` : "is a text of another length";
}

/** Of a field, with what its reader said; or of a rule that says all in its message: WHAT; allowed: WHAT. */
function customFinding(path: Path, { message, params }: z.core.$ZodIssueCustom): Finding {
  if (params === undefined) {
    const [what = "", allowed] = message.split("; allowed: ");
    const isPredicate = /^(?:is|has|never)\b/.test(what);
    return [path, refusal(isPredicate ? what : `is refused: ${what}`, allowed)];
  }
  // Only fields give parameters, and theirs are these.
  const { shown, hint } = params as unknown as Refused;
  return [path, refusal(shown === undefined ? "is refused" : `is ${shown}`, message, hint)];
}

function partOf(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (part, key) =>
      typeof part === "object" && part !== null && Object.hasOwn(part, key)
        ? Reflect.get(part, key)
        : undefined,
    value,
  );
}

/** The keys that an object at a path of the document may have. */
function keysAt(path: Path): string[] {
  let schema: unknown = settingsDocument;
  for (const part of path) schema = typeof part === "number" ? elementOf(schema) : at(schema, part);
  return Object.keys(objectOf(schema)?.shape ?? {});
}

function at(schema: unknown, key: string): unknown {
  const shape = objectOf(schema)?.shape ?? {};
  return Object.hasOwn(shape, key) ? shape[key] : undefined;
}

function elementOf(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return elementOf(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.map(elementOf).find((one) => one);
  return schema instanceof z.ZodArray ? schema.element : undefined;
}

/** Every union in the document has one branch that is an object. */
function objectOf(schema: unknown): z.ZodObject | undefined {
  if (schema instanceof z.ZodOptional) return objectOf(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.map(objectOf).find((one) => one);
  return schema instanceof z.ZodObject ? schema : undefined;
}
