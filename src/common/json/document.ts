/** A JSON input file of Horizon's tools: read as they read it, with the line of every part known. */

import type { Node, ParseError } from "jsonc-parser";
import {
  findNodeAtLocation,
  findNodeAtOffset,
  getNodePath,
  getNodeValue,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { errorCode } from "../files/error-code.js";
import type { Expansion } from "./expand.js";
import { blankComments, expandVariables } from "./expand.js";

/** Keys and indices from the top of a document to one of its parts. */
export type Path = ReadonlyArray<string | number>;

export type JsonObject = Readonly<Record<string, unknown>>;

/** Something wrong at one place of a value, whatever file it came from. */
export interface Fault {
  readonly path: Path;
  readonly message: string;
}

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** As `displayPath` writes it; empty for the document itself. */
  readonly path: string;
}

export interface Problem extends Place {
  readonly message: string;
}

/** Input that cannot be used: every problem that was found, each with its place. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(displayProblem).join("\n"));
    this.problems = problems;
  }
}

export interface Document {
  readonly file: string;
  readonly value: unknown;
  /** The place of a part; of its nearest existing parent where there is none. */
  readonly placeOf: (path: Path) => Place;
  /** The variables that were replaced within a part. */
  readonly expansionsIn: (path: Path) => readonly Expansion[];
  /** The variables that the document uses and nobody sets. */
  readonly unset: ReadonlyArray<{ readonly name: string; readonly place: Place }>;
}

/** Reads a document. Throws an InputError where it is no JSON, or says a key twice in one object. */
export function parseDocument(
  file: string,
  source: string,
  lookup: (name: string) => string | undefined,
): Document {
  const { text, expansions } = expandVariables(blankComments(source), lookup);
  const lineAt = lineCounter(text);
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors;
  if (first !== undefined || root === undefined) {
    const offset = first?.offset ?? 0;
    const message = `is no JSON: ${first === undefined ? "it is empty" : describe(first, text)}`;
    throw new InputError([{ file, line: lineAt(offset), path: "", message }]);
  }
  const repeated = repeatedKeys(root, []);
  const document: Document = {
    file,
    value: getNodeValue(root),
    placeOf: (path) => ({ file, line: lineAt(offsetOf(root, path)), path: displayPath(path) }),
    expansionsIn: (path) => {
      const node = findNodeAtLocation(root, [...path]);
      if (node === undefined) return [];
      const end = node.offset + node.length;
      return expansions.filter(({ at }) => at >= node.offset && at <= end);
    },
    unset: expansions
      .filter(({ value }) => value === undefined)
      .map(({ name, at }) => {
        const node = findNodeAtOffset(root, at, true);
        const path = node === undefined ? "" : displayPath(getNodePath(node));
        return { name, place: { file, line: lineAt(at), path } };
      }),
  };
  if (repeated.length > 0) {
    throw new InputError(
      repeated.map(({ path, offset }) => ({
        file,
        line: lineAt(offset),
        path: displayPath(path),
        message: "is there twice; the last one would win",
      })),
    );
  }
  return document;
}

/** `properties[2].value`; keys that are no plain words stand in brackets and quotes. */
export function displayPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (!/^[\w$/-]+$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text;
}

/** `file:line: path: message`, the form that editors and CI systems link. */
export function displayProblem({ file, line, path, message }: Problem): string {
  return `${file}:${line}: ${path === "" ? "" : `${path}: `}${message}`;
}

/** Faults as problems of a document. */
export function locate(document: Document, faults: readonly Fault[]): Problem[] {
  return faults.map(({ path, message }) => ({ ...document.placeOf(path), message }));
}

/** An error on the way to a document, as problems of its file. */
export function problemsOf(error: unknown, file: string): readonly Problem[] {
  if (error instanceof InputError) return error.problems;
  const code = errorCode(error);
  if (code === undefined) throw error;
  return [
    {
      file,
      line: 1,
      path: "",
      message: code === "ENOENT" ? "is not there" : `cannot be read (${code})`,
    },
  ];
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    const next = starts.findIndex((start) => start > offset);
    return next < 0 ? starts.length : next;
  };
}

function offsetOf(root: Node, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node !== undefined) return (node.parent?.type === "property" ? node.parent : node).offset;
  }
  return root.offset;
}

interface RepeatedKey {
  readonly path: Path;
  readonly offset: number;
}

function repeatedKeys(node: Node, path: Path): RepeatedKey[] {
  if (node.type === "array") {
    return (node.children ?? []).flatMap((item, i) => repeatedKeys(item, [...path, i]));
  }
  if (node.type !== "object") return [];
  const seen = new Set<string>();
  return (node.children ?? []).flatMap((member) => {
    const [key, value] = member.children ?? [];
    if (key === undefined || value === undefined) return [];
    const name = String(key.value);
    const here = [...path, name];
    const below = repeatedKeys(value, here);
    if (seen.has(name)) return [{ path: here, offset: member.offset }, ...below];
    seen.add(name);
    return below;
  });
}

function describe(error: ParseError, text: string): string {
  const words = printParseErrorCode(error.error)
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
  const found = text.slice(error.offset, error.offset + Math.max(error.length, 1)).trim();
  return found === "" ? words : `${words} at ${JSON.stringify(found.slice(0, 40))}`;
}
