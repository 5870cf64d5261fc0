/** Golden answers: questions about policies, and what the real `hzn deploycheck policy` answered. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The program that gave the answers. */
export interface Program {
  readonly name: string;
  readonly version: string;
  readonly commit: string;
}

/** What one run said. */
export interface Answer {
  readonly exit: number;
  /** Undefined where the program refused its input. */
  readonly compatible?: boolean;
  /** Its words: the reason of an incompatibility, or the refusal. */
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

/** A question about policies as a whole; what is left out is the plainest that works. */
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

/** Where the golden files lie, from the top of the project, where tests run. */
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

/** The keys of `given` over those of `plain`; what is no object is asked as it is. */
function merge(plain: object, given: unknown): unknown {
  if (given === undefined) return plain;
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  return { ...plain, ...given };
}
