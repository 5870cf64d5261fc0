/** The files that the policy commands read: policies and definitions, whose problems are reported together, and fleets. */

import { createReadStream, readFileSync } from "node:fs";
import { basename } from "node:path";
import {
  type Document,
  displayPath,
  isObject,
  type Path,
  parseDocument,
  problemsOf,
} from "../../common/json/document.js";
import { projectVariables } from "../../common/json/variables.js";
import { InputError, type Problem, problem } from "../../common/problem.js";
import { type Constraint, parseConstraint } from "./constraint-parser.js";
import { type Catalogue, type Deployment, makeDeployment, places } from "./placement.js";
import {
  type NodePolicy,
  type ReadContext,
  readDeploymentPolicy,
  readNodePolicy,
  readService,
  readServicePolicy,
  type Terms,
} from "./policies.js";
import { findProperty } from "./property.js";

/** A file, and the architecture that `$ARCH` stands for in it: written `ARCH=FILE` or `FILE`. */
export interface ArchFile {
  readonly arch: string | undefined;
  readonly file: string;
}

export function parseArchFile(text: string): ArchFile {
  const [, arch, file] = /^([a-z0-9_]+)=(.+)$/.exec(text) ?? [];
  return arch === undefined || file === undefined
    ? { arch: undefined, file: text }
    : { arch, file };
}

/** Reads policies and definitions, and collects what is wrong with them until `finish`. */
export class PolicyFiles {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #problems: Problem[] = [];
  readonly #warnings: Problem[] = [];

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** A node policy; `arch` is used unless the policy states an architecture itself. */
  node(file: string, arch: string | undefined): NodePolicy {
    const id = basename(file);
    const none = { id, properties: [], constraints: [] };
    const node = this.#read({ file, arch: undefined }, readNodePolicy.bind(undefined, id)) ?? none;
    return arch === undefined ? node : withArch(node, arch);
  }

  /** Deployment policies, with service definitions (none given: every version is assumed to exist) and service policies. */
  deployments(
    files: readonly string[],
    services: readonly ArchFile[],
    servicePolicies: readonly ArchFile[],
  ): Deployment[] {
    const policies = files.flatMap(
      (file) =>
        this.#read({ file, arch: undefined }, readDeploymentPolicy.bind(undefined, file)) ?? [],
    );
    const definitions = services.flatMap((file) => {
      const service = this.#read(file, readService);
      if (service !== undefined && !policies.some((policy) => places(policy, service))) {
        const message =
          "is placed by none of the deployment policies: name, org, version or arch differ";
        const place = { file: file.file, line: 1, path: "" };
        this.#warnings.push(problem("policy-meaning", place, message, "warning"));
      }
      return service ?? [];
    });
    const terms = new Map<string | undefined, Terms>();
    for (const file of servicePolicies) {
      const policy = this.#read(file, readServicePolicy);
      if (policy !== undefined) terms.set(file.arch, policy);
    }
    const catalogue: Catalogue = {
      services: services.length === 0 ? undefined : definitions,
      servicePolicies: terms,
    };
    return policies.map((policy) => makeDeployment(policy, catalogue));
  }

  /** Throws an InputError if any file had a problem; returns what Horizon accepts although nobody means it. */
  finish(): Problem[] {
    if (this.#problems.length > 0) throw new InputError(this.#problems);
    return this.#warnings;
  }

  #read<T>(
    { file, arch }: ArchFile,
    reader: (value: unknown, context: ReadContext) => T,
  ): T | undefined {
    const variables = arch === undefined ? this.#environment : { ...this.#environment, ARCH: arch };
    let document: Document;
    try {
      document = parseDocument(file, readFileSync(file, "utf8"), projectVariables(file, variables));
    } catch (error) {
      this.#problems.push(...problemsOf(error, file));
      return undefined;
    }
    for (const { name, place } of document.unset) {
      const message = `the variable $${name} is not set; set it in the environment or in hzn.json`;
      this.#problems.push(problem("wrong-document", place, message));
    }
    return reader(document.value, {
      report: (path, message) => {
        this.#problems.push(problem("wrong-document", document.placeOf(path), message));
      },
      parse: (text, path) => this.#parseConstraint(document, text, path),
    });
  }

  #parseConstraint(document: Document, text: string, path: Path): Constraint {
    const place = document.placeOf(path);
    const constraint = parseConstraint(text, place);
    for (const { at, message } of constraint.warnings) {
      const position = `column ${at + 1} of ${JSON.stringify(text)}`;
      const shown = `${message} (${position})`;
      this.#warnings.push(problem("policy-meaning", place, shown, "warning"));
    }
    return constraint;
  }
}

/** The policy with an architecture, unless it states one itself. */
export function withArch(node: NodePolicy, arch: string): NodePolicy {
  const name = "openhorizon.arch";
  if (findProperty(node.properties, name)) return node;
  return { ...node, properties: [...node.properties, { name, value: arch }] };
}

const NODE_KEYS = new Set([
  ...["id", "label", "description", "properties", "constraints", "deployment", "management"],
  ...["nodePolicyVersion", "lastUpdated"],
]);
/** A file of another kind would have a problem on every line. */
const MOST_PROBLEMS = 20;

/**
 * Reads a fleet file, one node a line, each a node policy in JSON with an `id`, as a stream, so that its size does not
 * matter. Calls `visit` for every node, in order. Throws an InputError with the first faulty lines; by then `visit` has been
 * called for good ones, so results count only after this has returned.
 */
export async function readFleetFile(
  file: string,
  visit: (node: NodePolicy) => void,
): Promise<void> {
  const problems: Problem[] = [];
  const parse = constraintCache();
  let line = 0;
  const readLine = (text: string): void => {
    line++;
    if (text.trim() === "" || problems.length >= MOST_PROBLEMS) return;
    const before = problems.length;
    const report = (path: Path, message: string) => {
      problems.push(problem("wrong-document", { file, line, path: displayPath(path) }, message));
    };
    const node = parseNode(text, { report, parse });
    if (node !== undefined && problems.length === before) visit(node);
  };
  try {
    for await (const lines of linesOf(file)) {
      for (const one of lines) readLine(one);
    }
  } catch (error) {
    throw new InputError(problemsOf(error, file));
  }
  if (problems.length > 0) throw new InputError(problems);
}

const NEWLINE = 0x0a;
const CHUNK_BYTES = 1 << 20;

/** The lines of a file, many at a time: one step of an asynchronous iterator for each would cost more than the rest. */
async function* linesOf(file: string): AsyncGenerator<string[]> {
  let rest: Buffer[] = [];
  // Without an encoding a stream yields Buffers.
  const chunks: AsyncIterable<Buffer> = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE);
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

function parseNode(text: string, context: ReadContext): NodePolicy | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    context.report([], `is not JSON: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
  if (!isObject(value)) {
    context.report([], "must be an object, a node policy with an id");
    return undefined;
  }
  for (const key in value) {
    if (!NODE_KEYS.has(key)) context.report([key], "is not part of a node policy");
  }
  const { id } = value;
  if (typeof id === "string" && id !== "") return readNodePolicy(id, value, context);
  context.report(["id"], "must be a non-empty string");
  return undefined;
}

/** The constraints of a fleet are few; each is parsed once. */
function constraintCache(): (text: string) => Constraint {
  const known = new Map<string, Constraint>();
  return (text) => {
    const constraint = known.get(text) ?? parseConstraint(text);
    known.set(text, constraint);
    return constraint;
  };
}
