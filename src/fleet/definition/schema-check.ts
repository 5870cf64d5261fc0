/** Shapes of Horizon's documents as data, and the check of a value against one: unknown keys, missing keys, types. */

import {
  type Document,
  displayProblem,
  isObject,
  type Path,
  type Problem,
} from "../../common/json/document.js";

/** What a value may be. `strings` is a list of texts, `texts` an object whose values are texts. */
export type Kind =
  | "string"
  | "boolean"
  | "integer"
  | "number"
  | "strings"
  | "texts"
  | "object"
  | "list"
  | "any"
  | { readonly t: "one"; readonly shape: Shape }
  | { readonly t: "list-of"; readonly shape: Shape }
  | { readonly t: "map-of"; readonly shape: Shape }
  | { readonly t: "either"; readonly kinds: readonly Kind[] };

export interface Shape {
  /** For messages: "a container". */
  readonly name: string;
  readonly keys: Readonly<Record<string, Kind>>;
  readonly required?: readonly string[];
  /** Keys that people expect, and what to do instead. */
  readonly unsupported?: Readonly<Record<string, string>>;
}

export const one = (shape: Shape): Kind => ({ t: "one", shape });
export const listOf = (shape: Shape): Kind => ({ t: "list-of", shape });
export const mapOf = (shape: Shape): Kind => ({ t: "map-of", shape });
export const either = (...kinds: Kind[]): Kind => ({ t: "either", kinds });

/** Reports what does not fit. `null` counts as absent, as in Horizon. */
export function checkShape(value: unknown, shape: Shape, path: Path, report: Report): void {
  if (!isObject(value)) {
    report.error("wrong-type", path, `${shape.name} must be an object`);
    return;
  }
  for (const [key, part] of Object.entries(value)) {
    const kind = shape.keys[key];
    if (kind === undefined) reportUnknown(key, shape, path, report);
    else if (part !== null) checkKind(part, kind, [...path, key], report);
  }
  for (const key of shape.required ?? []) {
    const part = value[key];
    if (part === undefined || part === null || part === "") {
      const where = part === undefined ? path : [...path, key];
      report.error("missing-key", where, `${shape.name} needs ${key}`);
    }
  }
}

function reportUnknown(key: string, shape: Shape, path: Path, report: Report): void {
  const instead = shape.unsupported?.[key];
  if (instead !== undefined) {
    report.error("unsupported-key", [...path, key], `has no place here: ${instead}`);
    return;
  }
  const near = nearest(key, Object.keys(shape.keys));
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  report.error(
    "unknown-key",
    [...path, key],
    `is no part of ${shape.name}, and is dropped silently${hint}`,
  );
}

function checkKind(value: unknown, kind: Kind, path: Path, report: Report): void {
  if (typeof kind === "string") {
    if (!fits(value, kind)) report.error("wrong-type", path, `must be ${kindNames[kind]}`);
    return;
  }
  switch (kind.t) {
    case "one":
      checkShape(value, kind.shape, path, report);
      return;
    case "list-of":
      if (!Array.isArray(value)) report.error("wrong-type", path, "must be a list");
      else
        for (const [i, item] of value.entries()) checkShape(item, kind.shape, [...path, i], report);
      return;
    case "map-of":
      if (!isObject(value)) report.error("wrong-type", path, "must be an object");
      else
        for (const key of Object.keys(value))
          checkShape(value[key], kind.shape, [...path, key], report);
      return;
    case "either": {
      const fitting = kind.kinds.find((one) => typeof one !== "string" || fits(value, one));
      if (fitting !== undefined) checkKind(value, fitting, path, report);
      return;
    }
    default:
      kind satisfies never;
  }
}

type SimpleKind = Extract<Kind, string>;

const kindNames: Readonly<Record<SimpleKind, string>> = {
  string: "a text",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  strings: "a list of texts",
  texts: "an object of texts",
  object: "an object",
  list: "a list",
  any: "anything",
};

function fits(value: unknown, kind: SimpleKind): boolean {
  switch (kind) {
    case "string":
    case "boolean":
    case "number":
      return typeof value === kind;
    case "integer":
      return Number.isInteger(value);
    case "strings":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "texts":
      return isObject(value) && Object.values(value).every((item) => typeof item === "string");
    case "object":
      return isObject(value);
    case "list":
      return Array.isArray(value);
    default:
      return true;
  }
}

/** The candidate that differs by case or by at most two letters. */
function nearest(key: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({
      candidate,
      distance: distance(key.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= 2 ? best.candidate : undefined;
}

/** Letters to insert, drop or replace to get from `a` to `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** An error breaks a deployment or silently changes it; a warning is legal and seldom meant. */
export type Severity = "error" | "warning";

export interface Finding extends Problem {
  readonly severity: Severity;
  /** Stable and kebab-case, for filters and searches. */
  readonly code: string;
}

/** Notes a finding about a part of the document that is being looked at. */
export interface Report {
  readonly error: (code: string, path: Path, message: string) => void;
  readonly warning: (code: string, path: Path, message: string) => void;
}

export function reportTo(findings: Finding[], document: Document): Report {
  const note = (severity: Severity) => (code: string, path: Path, message: string) => {
    findings.push({ severity, code, ...document.placeOf(path), message });
  };
  return { error: note("error"), warning: note("warning") };
}

/** `file:line: path: message [severity code]` */
export function displayFinding(finding: Finding): string {
  return `${displayProblem(finding)} [${finding.severity} ${finding.code}]`;
}
