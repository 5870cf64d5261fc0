/** The lint of Horizon's documents: tells which kind a file is, and applies the rules for it. */

import { type Document, isObject, type JsonObject } from "../../common/json/document.js";
import { checkDeploymentPolicy, checkPattern, checkPolicy } from "./deployment-policy.js";
import { deploymentPolicy, nodePolicy, pattern, serviceDefinition } from "./horizon-schemas.js";
import { checkAgainst, type Definition } from "./policy-against-definition.js";
import { checkShape, type Finding, type Report, reportTo } from "./schema-check.js";
import { checkServiceDefinition } from "./service-definition.js";

export type DocumentKind = "service definition" | "deployment policy" | "pattern" | "policy";

/** Told by its keys; undefined for what is none of Horizon's documents. */
export function kindOf(value: unknown): DocumentKind | undefined {
  if (!isObject(value)) return undefined;
  if (isObject(value["service"]) && "serviceVersions" in value["service"])
    return "deployment policy";
  if (Array.isArray(value["services"])) return "pattern";
  if ("url" in value || "sharable" in value || hasContainers(value["deployment"]))
    return "service definition";
  if ("properties" in value || "constraints" in value || isObject(value["deployment"]))
    return "policy";
  return undefined;
}

function hasContainers(deployment: unknown): boolean {
  return isObject(deployment) && "services" in deployment;
}

/** All findings about the documents, each by itself and together, in the order of files and lines. */
export function lint(documents: readonly Document[]): Finding[] {
  const findings: Finding[] = [];
  const definitions = documents.flatMap((document): Definition[] =>
    kindOf(document.value) === "service definition" && isObject(document.value)
      ? [{ document, value: document.value }]
      : [],
  );
  for (const document of documents) {
    const unset = unsetVariables(document);
    const own: Finding[] = [];
    lintOne(document, definitions, reportTo(own, document));
    const telling = own.filter((finding) => !isAbout(finding, unset));
    findings.push(...[...unset, ...telling].sort((a, b) => a.line - b.line));
  }
  return findings;
}

function lintOne(document: Document, definitions: readonly Definition[], report: Report): void {
  const { value } = document;
  const kind = kindOf(value);
  if (kind === undefined || !isObject(value)) {
    const message =
      "is no service definition, deployment policy, pattern, node policy or service policy";
    report.error("unknown-document", [], message);
    return;
  }
  switch (kind) {
    case "service definition":
      checkShape(value, serviceDefinition, [], report);
      checkServiceDefinition(value, document, report);
      return;
    case "deployment policy":
      checkShape(value, deploymentPolicy, [], report);
      checkDeploymentPolicy(value, report);
      checkAgainst(value, placedService(value), definitions, report);
      return;
    case "pattern":
      checkShape(value, pattern, [], report);
      checkPattern(value, report);
      for (const service of placedServices(value))
        checkAgainst(value, service, definitions, report);
      return;
    case "policy":
      checkShape(value, nodePolicy, [], report);
      checkPolicy(value, report);
      return;
    default:
      kind satisfies never;
  }
}

function placedService(policy: JsonObject) {
  const service = isObject(policy["service"]) ? policy["service"] : {};
  return { name: service["name"], versions: service["serviceVersions"], path: ["service"] };
}

function placedServices({ services }: JsonObject) {
  return (Array.isArray(services) ? services : []).map((service: unknown, i) => {
    const { serviceUrl, serviceVersions } = isObject(service) ? service : {};
    return { name: serviceUrl, versions: serviceVersions, path: ["services", i] };
  });
}

/** What a value would be with its variables set, nobody can tell; a variable in `environment` is wrong either way. */
function isAbout({ path, code }: Finding, unset: readonly Finding[]): boolean {
  return code !== "environment-variable" && unset.some((one) => one.path === path);
}

function unsetVariables(document: Document): Finding[] {
  return document.unset.map(({ name, place }) => ({
    severity: "error",
    code: "unset-variable",
    ...place,
    message: `the variable $${name} is not set, and hzn would put nothing in its place`,
  }));
}
