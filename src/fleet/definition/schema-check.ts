/** Schemas of Horizon's documents, and the check of a value against one: unknown keys, missing keys, types. */

import { closest } from "../../common/closest.js";
import { type Document, isObject, type Path } from "../../common/json/document.js";
import { didYouMean, type Problem, problem } from "../../common/problem.js";

/**
 * Collects the problems of a document, with stable codes in kebab case. An error breaks a deployment or silently changes it; a
 * warning is about something legal that is seldom meant.
 */
export class Reporter {
  readonly problems: Problem[];
  readonly #document: Document;
  readonly #path: Path;

  constructor(document: Document, path: Path = [], problems: Problem[] = []) {
    this.problems = problems;
    this.#document = document;
    this.#path = path;
  }

  /** A reporter for a part of this one's part of the document. */
  at(...path: Path): Reporter {
    return new Reporter(this.#document, [...this.#path, ...path], this.problems);
  }

  error(code: string, message: string): void {
    this.problems.push(problem(code, this.#document.placeOf(this.#path), message, "error"));
  }

  warning(code: string, message: string): void {
    this.problems.push(problem(code, this.#document.placeOf(this.#path), message, "warning"));
  }

  /** The variables that were replaced within this part. */
  expansions(): ReturnType<Document["expansionsIn"]> {
    return this.#document.expansionsIn(this.#path);
  }
}

/** The type of a value. `strings` is a list of strings, `string-map` an object whose values are strings. */
export type Kind =
  | "string"
  | "boolean"
  | "integer"
  | "number"
  | "strings"
  | "string-map"
  | "object"
  | "list"
  | "any"
  | { readonly t: "one"; readonly schema: Schema }
  | { readonly t: "list-of"; readonly schema: Schema }
  | { readonly t: "map-of"; readonly schema: Schema }
  | { readonly t: "either"; readonly kinds: readonly Kind[] };

export interface Schema {
  /** For messages: "a container". */
  readonly name: string;
  readonly keys: Readonly<Record<string, Kind>>;
  readonly required?: readonly string[];
  /** Keys that may be absent, and have a value if they are there. */
  readonly notEmpty?: readonly string[];
  /** Keys that people expect, and what to do instead. */
  readonly unsupported?: Readonly<Record<string, string>>;
}

export const one = (schema: Schema): Kind => ({ t: "one", schema });
export const listOf = (schema: Schema): Kind => ({ t: "list-of", schema });
export const mapOf = (schema: Schema): Kind => ({ t: "map-of", schema });
export const either = (...kinds: Kind[]): Kind => ({ t: "either", kinds });

/** `null` counts as absent, as in Horizon. */
export function checkSchema(value: unknown, schema: Schema, reporter: Reporter): void {
  if (!isObject(value)) {
    reporter.error("wrong-type", `${schema.name} must be an object`);
    return;
  }
  for (const [key, part] of Object.entries(value)) {
    const kind = schema.keys[key];
    if (kind === undefined) reportUnknown(key, schema, reporter);
    else if (part !== null) checkKind(part, kind, reporter.at(key));
  }
  for (const key of schema.required ?? []) {
    const part = value[key];
    if (part === undefined || part === null || part === "") {
      const where = part === undefined ? reporter : reporter.at(key);
      where.error("missing-key", `${schema.name} needs ${key}`);
    }
  }
  for (const key of schema.notEmpty ?? []) {
    const message = `${key} is empty: give a value or remove it`;
    if (value[key] === "") reporter.at(key).error("missing-key", message);
  }
}

function reportUnknown(key: string, schema: Schema, reporter: Reporter): void {
  const instead = schema.unsupported?.[key];
  if (instead !== undefined) {
    reporter.at(key).error("unsupported-key", `is not supported here: ${instead}`);
    return;
  }
  const hint = didYouMean(closest(key, Object.keys(schema.keys)));
  const message = `is not part of ${schema.name}, and is silently dropped${hint}`;
  reporter.at(key).error("unknown-key", message);
}

function checkKind(value: unknown, kind: Kind, reporter: Reporter): void {
  if (typeof kind === "string") {
    if (!fits(value, kind)) reporter.error("wrong-type", `must be ${KIND_NAMES[kind]}`);
    return;
  }
  switch (kind.t) {
    case "one":
      checkSchema(value, kind.schema, reporter);
      return;
    case "list-of":
    case "map-of": {
      const isFitting = kind.t === "list-of" ? Array.isArray(value) : isObject(value);
      const must = kind.t === "list-of" ? "must be a list" : "must be an object";
      if (!isFitting) reporter.error("wrong-type", must);
      for (const [key, part] of isFitting ? Object.entries(value ?? {}) : []) {
        const index = kind.t === "list-of" ? Number(key) : key;
        checkSchema(part, kind.schema, reporter.at(index));
      }
      return;
    }
    case "either": {
      const fitting = kind.kinds.find((one) => typeof one !== "string" || fits(value, one));
      if (fitting !== undefined) checkKind(value, fitting, reporter);
      return;
    }
    default:
      kind satisfies never;
  }
}

type SimpleKind = Extract<Kind, string>;

const KIND_NAMES: Readonly<Record<SimpleKind, string>> = {
  string: "a string",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  strings: "a list of strings",
  "string-map": "an object whose values are strings",
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
    case "string-map":
      return isObject(value) && Object.values(value).every((item) => typeof item === "string");
    case "object":
      return isObject(value);
    case "list":
      return Array.isArray(value);
    default:
      return true;
  }
}
