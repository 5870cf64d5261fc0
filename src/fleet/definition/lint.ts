/** The linter for Horizon's documents: it recognizes the kind of a document and applies the rules for it. */

import { type Document, isObject, type JsonObject } from "../../common/json/document.js";
import { displayProblem, type Problem, problem } from "../../common/problem.js";
import { asList, asObject } from "../json.js";
import { deploymentPolicy, nodePolicy, pattern, serviceDefinition } from "./horizon-schemas.js";
import { checkAgainst, type PlacedService } from "./policy-against-definition.js";
import { checkDeploymentPolicy, checkPattern, checkPolicy } from "./policy-rules.js";
import { checkSchema, Reporter } from "./schema-check.js";
import { checkServiceDefinition } from "./service-definition.js";

export type DocumentKind = "service definition" | "deployment policy" | "pattern" | "policy";

/** Recognized by its keys; undefined: it is none of Horizon's documents. */
export function kindOf(value: unknown): DocumentKind | undefined {
  if (!isObject(value)) return undefined;
  const { deployment } = value;
  if ("serviceVersions" in asObject(value["service"])) return "deployment policy";
  if (Array.isArray(value["services"])) return "pattern";
  if ("url" in value || "sharable" in value || "services" in asObject(deployment)) {
    return "service definition";
  }
  const isPolicy = "properties" in value || "constraints" in value || isObject(deployment);
  return isPolicy ? "policy" : undefined;
}

/** All problems of the documents, each by itself and against the others, in the order of files and lines. */
export function lint(documents: readonly Document[]): Problem[] {
  const definitions = documents
    .map(({ value }) => value)
    .filter((value) => kindOf(value) === "service definition")
    .map(asObject);
  return documents.flatMap((document) => {
    const unset = unsetVariables(document);
    const reporter = new Reporter(document);
    lintOne(document, definitions, reporter);
    const others = reporter.problems.filter((one) => !isAbout(one, unset));
    return [...unset, ...others].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  });
}

/** `file:line: path: message [severity code]`. */
export function displayWithCode(one: Problem): string {
  return `${displayProblem(one)} [${one.severity} ${one.code}]`;
}

function lintOne(document: Document, definitions: readonly JsonObject[], reporter: Reporter): void {
  const value = asObject(document.value);
  const kind = kindOf(document.value);
  switch (kind) {
    case undefined: {
      const message =
        "is no service definition, deployment policy, pattern, node policy or service policy";
      reporter.error("unknown-document", message);
      return;
    }
    case "service definition":
      checkSchema(value, serviceDefinition, reporter);
      checkServiceDefinition(value, reporter);
      return;
    case "deployment policy":
      checkSchema(value, deploymentPolicy, reporter);
      checkDeploymentPolicy(value, reporter);
      checkAgainst(value, placedService(value), definitions, reporter);
      return;
    case "pattern":
      checkSchema(value, pattern, reporter);
      checkPattern(value, reporter);
      for (const service of placedServices(value)) {
        checkAgainst(value, service, definitions, reporter);
      }
      return;
    case "policy":
      checkSchema(value, nodePolicy, reporter);
      checkPolicy(value, reporter);
      return;
    default:
      kind satisfies never;
  }
}

function placedService(policy: JsonObject): PlacedService {
  const { name, serviceVersions } = asObject(policy["service"]);
  return { name, versions: serviceVersions, path: ["service"] };
}

function placedServices({ services }: JsonObject): PlacedService[] {
  return asList(services).map((service, i) => {
    const { serviceUrl, serviceVersions } = asObject(service);
    return { name: serviceUrl, versions: serviceVersions, path: ["services", i] };
  });
}

/** Nobody can tell what a value would be with its variables set. Only a variable in `environment` is wrong either way. */
function isAbout({ path, code }: Problem, unset: readonly Problem[]): boolean {
  return code !== "environment-variable" && unset.some((one) => one.path === path);
}

function unsetVariables({ unset }: Document): Problem[] {
  return unset.map(({ name, place }) => {
    const message = `the variable $${name} is not set, and hzn would replace it with nothing`;
    return problem("unset-variable", place, message, "error");
  });
}
