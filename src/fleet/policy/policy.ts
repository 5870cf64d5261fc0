/**
 * The policies of Horizon as values: what a node, a service and a deployment say about themselves and ask of the other side.
 *
 * Every reader takes a parsed JSON value, adds what is wrong with it to `faults`, and returns what it could read.
 */

import type { Fault, JsonObject, Path } from "../../common/json/document.js";
import { isObject } from "../../common/json/document.js";
import type { ConstraintParser, Terms } from "./terms.js";
import { readTerms } from "./terms.js";

export interface NodePolicy extends Terms {
  /** The name of the node; of the file where a node policy file stands alone. */
  readonly id: string;
}

export interface ServiceVersion {
  readonly version: string;
  /** Lower is tried first; 0 where none is given. */
  readonly priority: number;
}

export interface DeploymentPolicy extends Terms {
  readonly name: string;
  readonly service: {
    readonly org: string;
    readonly name: string;
    /** `*` for any. */
    readonly arch: string;
    readonly versions: readonly ServiceVersion[];
  };
}

/** What placement needs to know of a service definition. */
export interface Service {
  readonly org: string;
  readonly url: string;
  readonly version: string;
  readonly arch: string;
  /** Whether a container asks for privilege or the host's network: then the node must allow it. */
  readonly isPrivileged: boolean;
}

/** Reads a node policy: what its `deployment` part says counts over what stands at its top. */
export function readNodePolicy(
  id: string,
  value: unknown,
  parse: ConstraintParser,
  faults: Fault[],
): NodePolicy {
  if (!isObject(value)) {
    faults.push({ path: [], message: "must be an object, a node policy" });
    return { id, properties: [], constraints: [] };
  }
  const top = readTerms(value, [], parse, faults);
  const deployment = partOf(value, "deployment", parse, faults);
  partOf(value, "management", parse, faults);
  if (deployment === undefined) return { id, ...top };
  const own = new Set(deployment.properties.map(({ name }) => name));
  return {
    id,
    properties: [...top.properties.filter(({ name }) => !own.has(name)), ...deployment.properties],
    constraints: deployment.constraints.length > 0 ? deployment.constraints : top.constraints,
  };
}

function partOf(
  value: JsonObject,
  key: string,
  parse: ConstraintParser,
  faults: Fault[],
): Terms | undefined {
  const part = value[key];
  if (part === undefined || part === null) return undefined;
  if (isObject(part)) return readTerms(part, [key], parse, faults);
  faults.push({ path: [key], message: "must be an object" });
  return undefined;
}

export function readServicePolicy(value: unknown, parse: ConstraintParser, faults: Fault[]): Terms {
  if (isObject(value)) return readTerms(value, [], parse, faults);
  faults.push({ path: [], message: "must be an object, a service policy" });
  return { properties: [], constraints: [] };
}

export function readDeploymentPolicy(
  name: string,
  value: unknown,
  parse: ConstraintParser,
  faults: Fault[],
): DeploymentPolicy {
  const policy = isObject(value) ? value : {};
  if (policy !== value)
    faults.push({ path: [], message: "must be an object, a deployment policy" });
  return {
    name,
    service: readServiceReference(policy["service"], faults),
    ...readTerms(policy, [], parse, faults),
  };
}

function readServiceReference(value: unknown, faults: Fault[]): DeploymentPolicy["service"] {
  if (!isObject(value)) {
    faults.push({ path: ["service"], message: "must be an object" });
    return { name: "", org: "", arch: "*", versions: [] };
  }
  const { arch, serviceVersions } = value;
  const versions: unknown[] = Array.isArray(serviceVersions) ? serviceVersions : [];
  if (versions.length === 0) {
    const message = "must be a list of at least one version";
    faults.push({ path: ["service", "serviceVersions"], message });
  }
  return {
    name: wordOf(value, "name", ["service"], faults),
    org: wordOf(value, "org", ["service"], faults),
    arch: typeof arch === "string" && arch !== "" ? arch : "*",
    versions: versions.map((entry, i) => readVersion(entry, i, faults)),
  };
}

function readVersion(value: unknown, index: number, faults: Fault[]): ServiceVersion {
  const path = ["service", "serviceVersions", index];
  const entry = isObject(value) ? value : {};
  const priority = isObject(entry["priority"]) ? entry["priority"] : {};
  const number = (key: string): number => {
    const given = priority[key] ?? 0;
    if (typeof given === "number" && Number.isInteger(given)) return given;
    faults.push({ path: [...path, "priority", key], message: "must be a whole number" });
    return 0;
  };
  const [rank, retries, seconds, verified] = [
    number("priority_value"),
    number("retries"),
    number("retry_durations"),
    number("verified_durations"),
  ];
  if (rank !== 0 && (retries === 0 || seconds === 0)) {
    const message = "needs retries and retry_durations beside priority_value";
    faults.push({ path: [...path, "priority"], message });
  }
  if (rank === 0 && (retries !== 0 || seconds !== 0 || verified !== 0)) {
    const message = "needs a priority_value beside retries and durations";
    faults.push({ path: [...path, "priority"], message });
  }
  return { version: wordOf(entry, "version", path, faults), priority: rank };
}

export function readService(value: unknown, faults: Fault[]): Service {
  const definition = isObject(value) ? value : {};
  if (definition !== value)
    faults.push({ path: [], message: "must be an object, a service definition" });
  const { org } = definition;
  return {
    org: typeof org === "string" ? org : "",
    url: wordOf(definition, "url", [], faults),
    version: wordOf(definition, "version", [], faults),
    arch: wordOf(definition, "arch", [], faults),
    isPrivileged: needsPrivilege(definition["deployment"], faults),
  };
}

/** A deployment that is signed already is a text that holds JSON. */
function needsPrivilege(deployment: unknown, faults: Fault[]): boolean {
  if (typeof deployment === "string") {
    if (deployment === "") return false;
    try {
      return needsPrivilege(JSON.parse(deployment), faults);
    } catch {
      faults.push({ path: ["deployment"], message: "is a text that holds no JSON" });
      return false;
    }
  }
  const services = isObject(deployment) ? deployment["services"] : undefined;
  if (!isObject(services)) return false;
  return Object.values(services).some(
    (container) =>
      isObject(container) && (container["privileged"] === true || container["network"] === "host"),
  );
}

function wordOf(value: JsonObject, key: string, path: Path, faults: Fault[]): string {
  const word = value[key];
  if (typeof word === "string" && word !== "") return word;
  faults.push({ path: [...path, key], message: "must be a text that is not empty" });
  return "";
}
