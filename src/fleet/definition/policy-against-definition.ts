/** Rules across files: a deployment policy or pattern against the service definition that it places. */

import {
  isVersion,
  isVersionRange,
  isWithin,
  parseVersionRange,
} from "../../common/horizon-version.js";
import { type Document, isObject, type JsonObject, type Path } from "../../common/json/document.js";
import type { Report } from "./schema-check.js";

export interface Definition {
  readonly document: Document;
  readonly value: JsonObject;
}

/** Checks a policy against the definitions of its service that were given; without one there is nothing to say. */
export function checkAgainst(
  policy: JsonObject,
  service: { readonly name: unknown; readonly versions: unknown; readonly path: Path },
  definitions: readonly Definition[],
  report: Report,
): void {
  for (const { value: definition } of definitions) {
    if (definition["url"] !== service.name) continue;
    checkPlaced(definition, service, report);
    checkInputs(policy, definition, report);
    checkSecrets(policy, definition, report);
  }
}

function checkPlaced(
  definition: JsonObject,
  { versions, path }: { readonly versions: unknown; readonly path: Path },
  report: Report,
): void {
  const placed = (Array.isArray(versions) ? versions : []).map((entry) =>
    isObject(entry) ? entry["version"] : undefined,
  );
  if (placed.includes(definition["version"])) return;
  const message = `places ${placed.join(", ")}, and the definition is ${definition["version"]}`;
  report.warning("version-not-placed", [...path, "serviceVersions"], message);
}

function checkInputs(policy: JsonObject, definition: JsonObject, report: Report): void {
  const declared = new Map(
    objects(definition["userInput"]).map(([, input]) => [input["name"], input] as const),
  );
  const given = new Set<unknown>();
  for (const [i, element] of objects(policy["userInput"])) {
    if (!speaksOf(element, definition)) continue;
    for (const [j, input] of objects(element["inputs"])) {
      const path = ["userInput", i, "inputs", j];
      given.add(input["name"]);
      const type = declared.get(input["name"])?.["type"];
      if (!declared.has(input["name"])) {
        report.error("unknown-input", path, `the service has no userInput ${input["name"]}`);
      } else if (!isOfType(input["value"], type)) {
        report.error(
          "input-value",
          [...path, "value"],
          `the value of ${input["name"]} must be a JSON ${type}`,
        );
      }
    }
  }
  for (const [name, input] of declared) {
    const isSet = Boolean(input["defaultValue"]) || given.has(name);
    if (!isSet) {
      report.warning(
        "input-not-set",
        ["userInput"],
        `${name} has no default and no value: each node must set it`,
      );
    }
  }
}

function checkSecrets(policy: JsonObject, definition: JsonObject, report: Report): void {
  const { deployment } = definition;
  const services = isObject(deployment) ? deployment["services"] : undefined;
  const containers = isObject(services) ? Object.values(services).filter(isObject) : [];
  const declared = new Set(
    containers.flatMap(({ secrets }) => (isObject(secrets) ? Object.keys(secrets) : [])),
  );
  const bound = new Set<string>();
  for (const [i, element] of objects(policy["secretBinding"])) {
    if (!speaksOf(element, definition)) continue;
    for (const [j, secret] of objects(element["secrets"])) {
      for (const name of Object.keys(secret)) {
        bound.add(name);
        if (declared.has(name)) continue;
        report.error(
          "unknown-secret",
          ["secretBinding", i, "secrets", j],
          `the service has no secret ${name}`,
        );
      }
    }
  }
  for (const name of declared) {
    if (!bound.has(name)) {
      report.error(
        "secret-not-bound",
        ["secretBinding"],
        `the secret ${name} is not bound: no agreement is made`,
      );
    }
  }
}

/** Whether an element of userInput or secretBinding means this definition. */
function speaksOf(element: JsonObject, definition: JsonObject): boolean {
  const { serviceUrl, serviceArch = "", serviceVersionRange: range = "" } = element;
  const { version } = definition;
  const isArch = serviceArch === "" || serviceArch === "*" || serviceArch === definition["arch"];
  return (
    serviceUrl === definition["url"] &&
    isArch &&
    typeof version === "string" &&
    isIn(version, range)
  );
}

function isIn(version: string, range: unknown): boolean {
  if (typeof range !== "string" || range === "") return true;
  if (!isVersion(range) && !isVersionRange(range)) return false;
  return isWithin(parseVersionRange(range), version);
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "int":
      return Number.isInteger(value);
    case "float":
      return typeof value === "number";
    case "boolean":
    case "bool":
      return typeof value === "boolean";
    case "list of strings":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    default:
      return typeof value === "string";
  }
}

function objects(value: unknown): Array<[number, JsonObject]> {
  const entries = Array.isArray(value) ? [...value.entries()] : [];
  return entries.filter((entry): entry is [number, JsonObject] => isObject(entry[1]));
}
