/** Reads JSON from people and other programs: of limited size, without repeated keys, and with the line of every part. */

import type { Node, ParseError } from "jsonc-parser";
import {
  findNodeAtLocation,
  findNodeAtOffset,
  getNodePath,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { errorCode } from "../files/read.js";
import { InputError, type Place, type Problem, problem, quote } from "../problem.js";
import type { Expansion } from "./expand.js";
import { blankComments, expandVariables } from "./expand.js";

/** Keys and indices from the top of a document to one of its parts. */
export type Path = ReadonlyArray<string | number>;

export type JsonObject = Readonly<Record<string, unknown>>;

/** Something wrong at one place of a value, in whatever file. */
export interface Fault {
  readonly path: Path;
  readonly message: string;
}

/** The value of a variable in Horizon's input files. Undefined: it is not set. */
export type Lookup = (name: string) => string | undefined;

export interface Bounds {
  readonly bytes: number;
  /** Lists and objects within each other. */
  readonly depth: number;
}

/** A place in a document, which always has a file and a line. */
export type PlaceInFile = Required<{ [Key in keyof Place]: NonNullable<Place[Key]> }>;

export interface Document {
  readonly file: string;
  readonly value: unknown;
  /** The place of a part, or of its nearest parent that exists. */
  readonly placeOf: (path: Path) => PlaceInFile;
  /** The variables that were expanded within a part. */
  readonly expansionsIn: (path: Path) => readonly Expansion[];
  /** The variables of the document that are not set. */
  readonly unset: ReadonlyArray<{ readonly name: string; readonly place: PlaceInFile }>;
}

const MIB = 1024 * 1024;
/** Enough to correct before the document is read again. */
const MOST_PROBLEMS = 20;

/**
 * `file` names the document in problems. With `variables` the text is read as Horizon's tools read it: variables are
 * expanded, and block comments are ignored. Throws an InputError, which quotes nothing: the text may contain a password.
 */
export function parseDocument(
  file: string,
  source: string,
  variables?: Lookup,
  { bytes, depth }: Bounds = { bytes: 16 * MIB, depth: 64 },
): Document {
  const size = Buffer.byteLength(source);
  if (size > bytes) {
    const message = `has ${size} bytes; allowed: at most ${bytes}`;
    throw new InputError([problem("file-too-large", { file, path: "" }, message)]);
  }
  const plain = source.replace(/^\uFEFF/, "");
  const { text, expansions } =
    variables === undefined
      ? { text: plain, expansions: [] }
      : expandVariables(blankComments(plain), variables);
  const lineAt = lineCounter(text);
  const refuse = (offset: number, message: string, path = "") =>
    problem("not-json", { file, line: lineAt(offset), path }, message);
  // The parser is recursive: a deeply nested text could exhaust its stack.
  const deep = tooDeepAt(text, depth);
  if (deep !== undefined) {
    throw new InputError([refuse(deep, `is nested more than ${depth} levels deep`)]);
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const value = parse(text);
  if (value === undefined || root === undefined) {
    const [{ error, offset } = { error: undefined, offset: text.length }] = errors;
    throw new InputError([refuse(offset, `is not JSON${error ? `: ${wordsOf(error)}` : ""}`)]);
  }
  const repeated = repeatedKeys(root, []).slice(0, MOST_PROBLEMS);
  if (repeated.length > 0) {
    const message = "is repeated; only the last value would count";
    throw new InputError(
      repeated.map(({ path, offset }) => refuse(offset, message, displayPath(path))),
    );
  }
  return {
    file,
    value,
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
}

/** `properties[2].value`. Keys that are not plain words are written in brackets and quotes. */
export function displayPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    if (!/^[\w$/-]{1,60}$/.test(part)) return `${text}[${quote(part)}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

/** Faults as problems of a document. */
export function locate(document: Document, faults: readonly Fault[]): Problem[] {
  return faults.map(({ path, message }) =>
    problem("wrong-document", document.placeOf(path), message),
  );
}

/** An error in reading a document, as problems of its file. */
export function problemsOf(error: unknown, file: string): readonly Problem[] {
  if (error instanceof InputError) return error.problems;
  const code = errorCode(error);
  if (code === undefined) throw error;
  const place = { file, line: 1, path: "" };
  return [
    code === "ENOENT"
      ? problem("file-missing", place, "does not exist")
      : problem("file-unreadable", place, `cannot be read (${code})`),
  ];
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined: it is not JSON, which has no undefined itself. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A SyntaxError, whose message would quote the text.
    return undefined;
  }
}

/** Offset of the first bracket beyond the depth. Brackets in strings do not count. */
function tooDeepAt(text: string, depth: number): number | undefined {
  let open = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isString && character === "\\") at++;
    else if (character === '"') isString = !isString;
    else if (isString) continue;
    else if (character === "{" || character === "[") open++;
    else if (character === "}" || character === "]") open--;
    if (open > depth) return at;
  }
  return undefined;
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

function wordsOf(error: ParseError["error"]): string {
  return printParseErrorCode(error)
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
}
