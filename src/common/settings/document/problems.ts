/** Turns the issues of zod into problems that the author of a settings document understands. */

import type * as z from "zod";
import { closestHint } from "../../closest.js";
import type { Document, Path } from "../../json/document.js";
import { type Problem, problem, refusal } from "../../problem.js";

/** A path, and what is wrong there. */
type Finding = readonly [path: Path, message: string];
type Issue = z.core.$ZodIssue;

/** Enough to correct before the document is checked again. */
const MOST_PROBLEMS = 20;

const TYPES: Readonly<Record<string, string>> = {
  object: "an object { }",
  array: "a list [ ]",
  tuple: "a list [ ]",
  string: "a string in quotes",
};

/** Options of zod: an issue has the value, and as its message what is allowed instead. */
export const PARSE_OPTIONS: z.core.ParseContext<Issue> = {
  reportInput: true,
  error(issue) {
    if (issue.code === "invalid_type") return TYPES[issue.expected];
    if (issue.code !== "unrecognized_keys") return undefined;
    // Only the schema of an object reports unrecognized keys.
    return Object.keys((issue.inst as z.ZodObject).shape).join(", ");
  },
};

export function problemsOf(issues: readonly Issue[], json: Document): Problem[] {
  const findings: Finding[] = [];
  for (const issue of issues) {
    if (findings.length >= MOST_PROBLEMS) break;
    findings.push(...findingsOf(issue, []));
  }
  return findings
    .slice(0, MOST_PROBLEMS)
    .map(([path, message]) => problem("wrong-setting", json.placeOf(path), message))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** `within`: the path of the union whose branch has the issue. */
function findingsOf(issue: Issue, within: Path): Finding[] {
  const path = [...within, ...issue.path.map((part) => (typeof part === "symbol" ? "" : part))];
  const { input, message } = issue;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.slice(0, MOST_PROBLEMS).map((key) => {
        const hint = closestHint(key, message.split(", "));
        return [[...path, key], refusal("is unknown", message, hint)];
      });
    case "invalid_union":
      return branchFindings(issue.errors, path, input);
    case "invalid_type":
      return [[path, wrongType(input, message)]];
    case "too_small":
      return [[path, refusal(sizeOf(input), `at least ${issue.minimum}`)]];
    case "too_big":
      return [[path, refusal(sizeOf(input), `at most ${issue.maximum}`)]];
    case "custom":
      return [[path, message]];
    default:
      return [[path, refusal("cannot be used", message)]];
  }
}

/** The findings of the branch of a union that has the type of the value; if none has, that the type is wrong. */
function branchFindings(branches: readonly Issue[][], path: Path, input: unknown): Finding[] {
  const isOfOtherType = ([first]: Issue[]) =>
    first?.code === "invalid_type" && first.path.length === 0;
  const branch = branches.find((issues) => !isOfOtherType(issues));
  if (branch !== undefined) return branch.flatMap((issue) => findingsOf(issue, path));
  const allowed = branches.map(([issue]) => issue?.message ?? "").join(", or ");
  return [[path, wrongType(input, allowed)]];
}

/** Does not show the value: it might be a password that was written as a number. */
function wrongType(input: unknown, allowed: string): string {
  if (input === undefined) return refusal("is missing", allowed);
  const isQuoted = typeof input === "string" && /^(?:-?[\d.]+|true|false)$/.test(input);
  return refusal(`is ${typeOf(input)}`, allowed, isQuoted ? "write it without quotes" : undefined);
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a string";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function sizeOf(value: unknown): string {
  return Array.isArray(value) ? `has ${value.length} items` : "is a string of another length";
}
