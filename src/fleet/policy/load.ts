/** The files that the policy commands are given, read and checked together: all problems are told at once. */

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Document, Fault } from "../../common/json/document.js";
import { locate, parseDocument, problemsOf } from "../../common/json/document.js";
import { projectVariables } from "../../common/json/variables.js";
import { InputError, type Problem, problem } from "../../common/problem.js";
import type { Constraint } from "./constraint.js";
import { parseConstraint } from "./constraint.js";
import type { Deployment } from "./offer.js";
import { makeDeployment, places } from "./offer.js";
import type { NodePolicy } from "./policy.js";
import { readDeploymentPolicy, readNodePolicy, readService, readServicePolicy } from "./policy.js";
import { findProperty } from "./property.js";
import type { ConstraintParser, Terms } from "./terms.js";

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

export interface Loader {
  readonly node: (file: string, arch: string | undefined) => NodePolicy;
  /** The deployment policies, with definitions (none given: all versions are taken to exist) and service policies. */
  readonly deployments: (
    files: readonly string[],
    services: readonly ArchFile[],
    servicePolicies: readonly ArchFile[],
  ) => Deployment[];
  /** Throws an InputError if any file had a problem; returns what Horizon would take and nobody would mean. */
  readonly finish: () => Problem[];
}

export function makeLoader(environment: NodeJS.ProcessEnv): Loader {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];

  /** Reads one file by `reader`; undefined, and a problem noted, where that fails. */
  function read<T>(
    { file, arch }: ArchFile,
    reader: (value: unknown, parse: ConstraintParser, faults: Fault[]) => T,
  ): T | undefined {
    const document = open(file, arch === undefined ? environment : { ...environment, ARCH: arch });
    if (document === undefined) return undefined;
    const faults: Fault[] = [];
    const result = reader(document.value, placingParser(document, warnings), faults);
    problems.push(...unsetVariables(document), ...locate(document, faults));
    return result;
  }

  function open(file: string, variables: NodeJS.ProcessEnv): Document | undefined {
    try {
      return parseDocument(file, readFileSync(file, "utf8"), projectVariables(file, variables));
    } catch (error) {
      problems.push(...problemsOf(error, file));
      return undefined;
    }
  }

  return {
    node(file, arch) {
      const id = basename(file);
      const node = read({ file, arch: undefined }, (...args) => readNodePolicy(id, ...args));
      const { properties = [], constraints = [] } = node ?? {};
      const name = "openhorizon.arch";
      if (arch === undefined || findProperty(properties, name))
        return { id, properties, constraints };
      return { id, properties: [...properties, { name, value: arch }], constraints };
    },
    deployments(files, services, servicePolicies) {
      const policies = files.flatMap(
        (file) =>
          read({ file, arch: undefined }, (...args) => readDeploymentPolicy(file, ...args)) ?? [],
      );
      const definitions = services.flatMap((file) => {
        const service = read(file, (value, _parse, faults) => readService(value, faults));
        if (service !== undefined && !policies.some((policy) => places(policy, service))) {
          const message =
            "is placed by none of the deployment policies: name, org, version or arch differ";
          const place = { file: file.file, line: 1, path: "" };
          warnings.push(problem("wrong-document", place, message));
        }
        return service ?? [];
      });
      const terms = new Map<string | undefined, Terms>();
      for (const file of servicePolicies) {
        const policy = read(file, readServicePolicy);
        if (policy !== undefined) terms.set(file.arch, policy);
      }
      const catalogue = {
        services: services.length === 0 ? undefined : definitions,
        servicePolicies: terms,
      };
      return policies.map((policy) => makeDeployment(policy, catalogue));
    },
    finish() {
      if (problems.length > 0) throw new InputError(problems);
      return warnings;
    },
  };
}

function placingParser(document: Document, warnings: Problem[]): ConstraintParser {
  return (text, path): Constraint => {
    const place = document.placeOf(path);
    const constraint = parseConstraint(text, place);
    for (const { at, message } of constraint.doubts) {
      const shown = `${message} (column ${at + 1} of ${JSON.stringify(text)})`;
      warnings.push(problem("wrong-document", place, shown));
    }
    return constraint;
  };
}

function unsetVariables(document: Document): Problem[] {
  return document.unset.map(({ name, place }) => {
    const message = `the variable $${name} is not set; set it in the environment or in hzn.json`;
    return problem("wrong-document", place, message);
  });
}
