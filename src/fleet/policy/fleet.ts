/**
 * A fleet file: one node a line, each a node policy in JSON with an `id`. Read as a stream, so that its size does not matter.
 */

import { createReadStream } from "node:fs";
import type { Fault } from "../../common/json/document.js";
import { displayPath, isObject, problemsOf } from "../../common/json/document.js";
import { InputError, type Problem, problem } from "../../common/problem.js";
import type { Constraint } from "./constraint.js";
import { parseConstraint } from "./constraint.js";
import type { NodePolicy } from "./policy.js";
import { readNodePolicy } from "./policy.js";

const keys = new Set([
  "id",
  "label",
  "description",
  "properties",
  "constraints",
  "deployment",
  "management",
  "nodePolicyVersion",
  "lastUpdated",
]);

const newline = 0x0a;
const chunkBytes = 1 << 20;
/** A file of another kind would have a problem on every line. */
const mostProblems = 20;

/**
 * Calls `visit` for every node of the file, in its order. Throws an InputError that names the first faulty lines; by then
 * `visit` has been called for good ones, so results count only after this has returned.
 */
export async function readFleet(file: string, visit: (node: NodePolicy) => void): Promise<void> {
  const problems: Problem[] = [];
  const parse = rememberingParser();
  let line = 0;
  const take = (text: string): void => {
    line++;
    if (text.trim() === "" || problems.length >= mostProblems) return;
    const faults: Fault[] = [];
    const node = readLine(text, parse, faults);
    if (faults.length === 0 && node !== undefined) visit(node);
    for (const { path, message } of faults) {
      problems.push(problem("wrong-document", { file, line, path: displayPath(path) }, message));
    }
  };
  try {
    for await (const lines of linesOf(file)) {
      for (const one of lines) take(one);
    }
  } catch (error) {
    throw new InputError(problemsOf(error, file));
  }
  if (problems.length > 0) throw new InputError(problems);
}

/** The lines of a file, many at a time: one step of an asynchronous iterator for each would cost more than the rest. */
async function* linesOf(file: string): AsyncGenerator<string[]> {
  let rest: Buffer[] = [];
  // Without an encoding a stream yields Buffers.
  const chunks: AsyncIterable<Buffer> = createReadStream(file, { highWaterMark: chunkBytes });
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline);
    if (end < 0) {
      rest.push(chunk);
      continue;
    }
    const whole = Buffer.concat([...rest, chunk.subarray(0, end)]);
    rest = [chunk.subarray(end + 1)];
    yield whole.toString("utf8").split("\n");
  }
  const last = Buffer.concat(rest).toString("utf8");
  if (last !== "") yield [last];
}

function readLine(
  text: string,
  parse: (text: string) => Constraint,
  faults: Fault[],
): NodePolicy | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    faults.push({ path: [], message: `is no JSON: ${message}` });
    return undefined;
  }
  if (!isObject(value)) {
    faults.push({ path: [], message: "must be an object, a node policy with an id" });
    return undefined;
  }
  for (const key in value) {
    if (!keys.has(key)) faults.push({ path: [key], message: "is no part of a node policy" });
  }
  const { id } = value;
  if (typeof id === "string" && id !== "") return readNodePolicy(id, value, parse, faults);
  faults.push({ path: ["id"], message: "must be a text that is not empty" });
  return undefined;
}

/** The constraints of a fleet are few; each is parsed once. */
function rememberingParser(): (text: string) => Constraint {
  const known = new Map<string, Constraint>();
  return (text) => {
    const constraint = known.get(text) ?? parseConstraint(text);
    known.set(text, constraint);
    return constraint;
  };
}
