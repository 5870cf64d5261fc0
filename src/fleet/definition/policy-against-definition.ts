/** Rules across files: a deployment policy or a pattern against the definition of the service that it places. */

import {
  isVersion,
  isVersionRange,
  isWithin,
  parseVersionRange,
} from "../../common/horizon-version.js";
import { isObject, type JsonObject, type Path } from "../../common/json/document.js";
import { asList, asObject, containersOf, objectEntries } from "../json.js";
import type { Reporter } from "./schema-check.js";

/** A service that a policy places, and where in the policy that is. */
export interface PlacedService {
  readonly name: unknown;
  readonly versions: unknown;
  readonly path: Path;
}

/** Checks a policy against those of the definitions that are of its service. */
export function checkAgainst(
  policy: JsonObject,
  service: PlacedService,
  definitions: readonly JsonObject[],
  reporter: Reporter,
): void {
  for (const definition of definitions) {
    if (definition["url"] !== service.name) continue;
    checkVersion(definition, service, reporter);
    checkInputs(policy, definition, reporter);
    checkSecrets(policy, definition, reporter);
  }
}

function checkVersion(
  { version }: JsonObject,
  { versions, path }: PlacedService,
  reporter: Reporter,
): void {
  const placed = asList(versions).map((entry) => asObject(entry)["version"]);
  if (placed.includes(version)) return;
  const message = `places ${placed.join(", ")}, and the definition is ${version}`;
  reporter.at(...path, "serviceVersions").warning("version-not-placed", message);
}

function checkInputs(policy: JsonObject, definition: JsonObject, reporter: Reporter): void {
  const declared = new Map(
    objectEntries(definition["userInput"]).map(([, input]) => [input["name"], input] as const),
  );
  const given = new Set<unknown>();
  for (const [i, element] of objectEntries(policy["userInput"])) {
    if (!appliesTo(element, definition)) continue;
    for (const [j, { name, value }] of objectEntries(element["inputs"])) {
      const here = reporter.at("userInput", i, "inputs", j);
      given.add(name);
      const input = declared.get(name);
      if (input === undefined) {
        here.error("unknown-input", `the service has no userInput ${name}`);
      } else if (!isOfType(value, input["type"])) {
        const message = `the value of ${name} must be a JSON ${input["type"]}`;
        here.at("value").error("input-value", message);
      }
    }
  }
  for (const [name, input] of declared) {
    if (input["defaultValue"] || given.has(name)) continue;
    const message = `${name} has no default and no value: each node must set it`;
    reporter.at("userInput").warning("input-not-set", message);
  }
}

function checkSecrets(policy: JsonObject, definition: JsonObject, reporter: Reporter): void {
  // A signed deployment, a string, is not looked into.
  const containers = isObject(definition["deployment"]) ? containersOf(definition) : {};
  const declared = new Set(
    Object.values(containers).flatMap(({ secrets }) => Object.keys(asObject(secrets))),
  );
  const bound = new Set<string>();
  for (const [i, element] of objectEntries(policy["secretBinding"])) {
    if (!appliesTo(element, definition)) continue;
    for (const [j, secret] of objectEntries(element["secrets"])) {
      for (const name of Object.keys(secret)) {
        bound.add(name);
        if (declared.has(name)) continue;
        const here = reporter.at("secretBinding", i, "secrets", j);
        here.error("unknown-secret", `the service has no secret ${name}`);
      }
    }
  }
  for (const name of declared) {
    if (bound.has(name)) continue;
    const message = `the secret ${name} is not bound: no agreement is made`;
    reporter.at("secretBinding").error("secret-not-bound", message);
  }
}

/** Whether an element of userInput or secretBinding is for this definition. */
function appliesTo(element: JsonObject, { url, arch, version }: JsonObject): boolean {
  const { serviceUrl, serviceArch = "", serviceVersionRange: range = "" } = element;
  const isArch = serviceArch === "" || serviceArch === "*" || serviceArch === arch;
  return serviceUrl === url && isArch && typeof version === "string" && isIn(version, range);
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
