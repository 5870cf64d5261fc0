/** Golden answers: questions about policies, and the answers of the real `hzn deploycheck policy`. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The program that gave the answers. */
export interface Program {
  readonly name: string;
  readonly version: string;
  readonly commit: string;
}

/** The output of one run. */
export interface Answer {
  readonly exit: number;
  /** Undefined: the program refused its input. */
  readonly compatible?: boolean;
  /** The reason of an incompatibility, or of the refusal. */
  readonly text?: string;
}

/** The files of one question, as JSON values. */
export interface Question {
  readonly node: unknown;
  readonly deployment: unknown;
  readonly services: readonly unknown[];
  readonly servicePolicy: unknown;
  /** The node's architecture. */
  readonly arch?: string;
}

/** A question about whole policies; what is left out has the plainest value that works. */
export interface PlacementCase extends Partial<Question> {
  readonly name: string;
  readonly answer?: Answer;
}

/** A question about one constraint of a deployment, on a node with all the properties of the file. */
export interface ConstraintCase {
  readonly constraint: string;
  readonly answer?: Answer;
}

export interface PlacementFile {
  readonly program: Program;
  readonly cases: readonly PlacementCase[];
}

export interface ConstraintFile {
  readonly program: Program;
  readonly properties: readonly unknown[];
  readonly cases: readonly ConstraintCase[];
}

/** The folder of the golden files, from the top of the project, where tests run. */
export const goldenFolder = join("src", "fleet", "policy", "golden");

export function readGolden<T>(name: string): T {
  // The files are ours and the tests fail on what does not fit; there is nothing to gain from checking their shape.
  return JSON.parse(readFileSync(join(goldenFolder, name), "utf8")) as T;
}

const plainService = {
  org: "myorg",
  url: "slipstream",
  version: "1.0.0",
  arch: "amd64",
  sharable: "multiple",
  requiredServices: [],
  userInput: [],
  deployment: { services: { agent: { image: "agent@sha256:00" } } },
};

const plainDeployment = {
  service: { name: "slipstream", org: "myorg", arch: "*", serviceVersions: [{ version: "1.0.0" }] },
};

export function questionOfPlacement(given: PlacementCase): Question {
  return {
    node: given.node ?? { properties: [] },
    deployment: merge(plainDeployment, given.deployment),
    services: (given.services ?? [{}]).map((service) => merge(plainService, service)),
    servicePolicy: given.servicePolicy ?? {},
    ...(given.arch === undefined ? {} : { arch: given.arch }),
  };
}

export function questionOfConstraint(
  file: ConstraintFile,
  { constraint }: ConstraintCase,
): Question {
  return {
    node: { properties: file.properties },
    deployment: { ...plainDeployment, constraints: [constraint] },
    services: [plainService],
    servicePolicy: {},
    arch: "amd64",
  };
}

/** `plain` with the keys of `given`; what is not an object is used as it is. */
function merge(plain: object, given: unknown): unknown {
  if (given === undefined) return plain;
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  return { ...plain, ...given };
}
