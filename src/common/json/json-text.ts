/** Reads JSON from somebody else: bounded, no key twice, the line of every part known. */

import { findNodeAtLocation, type Node, type ParseError, parseTree } from "jsonc-parser";

/** Keys and indices from the top of a document to one of its parts. */
export type Path = ReadonlyArray<string | number>;

export interface JsonText {
  readonly value: unknown;
  /** Line of a part, from 1; of its nearest existing parent where there is none. */
  lineOf(path: Path): number;
}

/** Why a text is not read. The text is not quoted: it may hold a password. */
export interface JsonFault {
  readonly path: Path;
  readonly line: number | undefined;
  /** Goes on after the name of the document or of its part. */
  readonly what: string;
}

export type JsonReading =
  | { readonly t: "json"; readonly json: JsonText }
  | { readonly t: "refused"; readonly fault: JsonFault };

export interface JsonBounds {
  readonly bytes: number;
  /** Lists and objects within each other. */
  readonly depth: number;
}

export function readJson(text: string, { bytes, depth }: JsonBounds): JsonReading {
  const size = Buffer.byteLength(text);
  if (size > bytes) return refused([], undefined, `has ${size} bytes; allowed: at most ${bytes}`);
  // The parser calls itself for every level: its stack is not to be filled from outside.
  const deep = tooDeepAt(text, depth);
  if (deep !== undefined) {
    return refused([], lineAt(text, deep), `is nested more than ${depth} levels deep`);
  }
  const value = parse(text);
  if (value === undefined)
    return refused([], lineOfError(text), "is not JSON here, or ends too early");
  const root = parseTree(text);
  if (root === undefined) return refused([], 1, "is not JSON");
  const twice = repeatedKey(root, []);
  if (twice !== undefined) {
    return refused(twice.path, lineAt(text, twice.offset), "is there twice");
  }
  return { t: "json", json: { value, lineOf: (path) => lineAt(text, offsetOf(root, path)) } };
}

function refused(path: Path, line: number | undefined, what: string): JsonReading {
  return { t: "refused", fault: { path, line, what } };
}

/** Undefined: it is no JSON, which has no undefined of its own. */
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

function lineOfError(text: string): number {
  const errors: ParseError[] = [];
  parseTree(text, errors, { disallowComments: true });
  return lineAt(text, errors[0]?.offset ?? text.length);
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

function repeatedKey(
  node: Node,
  path: Path,
): { readonly path: Path; readonly offset: number } | undefined {
  const seen = new Set<unknown>();
  for (const [index, child] of (node.children ?? []).entries()) {
    const [key, value] = child.type === "property" ? (child.children ?? []) : [undefined, child];
    const childPath = [...path, key === undefined ? index : String(key.value)];
    if (key !== undefined) {
      if (seen.has(key.value)) return { path: childPath, offset: key.offset };
      seen.add(key.value);
    }
    const within = value === undefined ? undefined : repeatedKey(value, childPath);
    if (within !== undefined) return within;
  }
  return undefined;
}

function offsetOf(root: Node, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node !== undefined) return node.offset;
  }
  return root.offset;
}
