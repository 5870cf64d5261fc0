/**
 * Horizon's policies as values: what a node, a service and a deployment offer as properties, and ask of the other side.
 *
 * Every reader takes a parsed JSON value, reports what is wrong with it, and returns what it could read.
 */

import { isObject, type JsonObject, type Path } from "../../common/json/document.js";
import { asList, asObject } from "../json.js";
import { ConstraintError } from "./constraint-lexer.js";
import { type Constraint, parseConstraint } from "./constraint-parser.js";
import {
  findProperty,
  isPropertyType,
  type Property,
  type PropertyValue,
  propertyTypes,
  valueProblem,
} from "./property.js";

/** What a reader needs besides the value. */
export interface ReadContext {
  /** Notes what is wrong with a part. */
  readonly report: (path: Path, message: string) => void;
  /** Parses the text of a constraint; `path` is where it is written. Throws a ConstraintError. */
  readonly parse: (text: string, path: Path) => Constraint;
}

/** For policies that the Exchange has checked already: what is wrong is skipped. */
export const SKIP_PROBLEMS: ReadContext = {
  report: () => {},
  parse: (text) => parseConstraint(text),
};

/** The half that all kinds of policy have in common: properties, and constraints on the other side. */
export interface Terms {
  readonly properties: readonly Property[];
  readonly constraints: readonly Constraint[];
}

export interface NodePolicy extends Terms {
  /** The name of the node; that of the file for a node policy file. */
  readonly id: string;
}

export interface ServiceVersion {
  readonly version: string;
  /** The lowest is tried first; 0 if none is given. */
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
  /** A container asks for privilege or the host's network, which the node must allow. */
  readonly isPrivileged: boolean;
}

/** Reads a node policy. Its `deployment` part overrides what is at its top. */
export function readNodePolicy(id: string, value: unknown, context: ReadContext): NodePolicy {
  if (!isObject(value)) {
    context.report([], "must be an object, a node policy");
    return { id, properties: [], constraints: [] };
  }
  const top = readTerms(value, [], context);
  const deployment = readPart(value, "deployment", context);
  readPart(value, "management", context);
  if (deployment === undefined) return { id, ...top };
  const own = new Set(deployment.properties.map(({ name }) => name));
  return {
    id,
    properties: [...top.properties.filter(({ name }) => !own.has(name)), ...deployment.properties],
    constraints: deployment.constraints.length > 0 ? deployment.constraints : top.constraints,
  };
}

function readPart(value: JsonObject, key: string, context: ReadContext): Terms | undefined {
  const part = value[key];
  if (part === undefined || part === null) return undefined;
  if (isObject(part)) return readTerms(part, [key], context);
  context.report([key], "must be an object");
  return undefined;
}

export function readServicePolicy(value: unknown, context: ReadContext): Terms {
  if (!isObject(value)) context.report([], "must be an object, a service policy");
  return readTerms(asObject(value), [], context);
}

export function readDeploymentPolicy(
  name: string,
  value: unknown,
  context: ReadContext,
): DeploymentPolicy {
  if (!isObject(value)) context.report([], "must be an object, a deployment policy");
  const policy = asObject(value);
  const service = readServiceReference(policy["service"], context);
  return { name, service, ...readTerms(policy, [], context) };
}

function readServiceReference(value: unknown, context: ReadContext): DeploymentPolicy["service"] {
  if (!isObject(value)) {
    context.report(["service"], "must be an object");
    return { name: "", org: "", arch: "*", versions: [] };
  }
  const { arch, serviceVersions } = value;
  const versions = asList(serviceVersions);
  if (versions.length === 0) {
    context.report(["service", "serviceVersions"], "must be a list of at least one version");
  }
  return {
    name: readText(value, "name", ["service"], context),
    org: readText(value, "org", ["service"], context),
    arch: typeof arch === "string" && arch !== "" ? arch : "*",
    versions: versions.map((entry, i) => readVersion(asObject(entry), i, context)),
  };
}

function readVersion(entry: JsonObject, index: number, context: ReadContext): ServiceVersion {
  const path = ["service", "serviceVersions", index];
  const fields = asObject(entry["priority"]);
  const number = (key: string): number => {
    const given = fields[key] ?? 0;
    if (typeof given === "number" && Number.isInteger(given)) return given;
    context.report([...path, "priority", key], "must be a whole number");
    return 0;
  };
  const [priority, retries, seconds, verified] = [
    number("priority_value"),
    number("retries"),
    number("retry_durations"),
    number("verified_durations"),
  ];
  if (priority !== 0 && (retries === 0 || seconds === 0)) {
    context.report([...path, "priority"], "needs retries and retry_durations with priority_value");
  }
  if (priority === 0 && (retries !== 0 || seconds !== 0 || verified !== 0)) {
    context.report([...path, "priority"], "needs a priority_value with retries and durations");
  }
  return { version: readText(entry, "version", path, context), priority };
}

export function readService(value: unknown, context: ReadContext): Service {
  if (!isObject(value)) context.report([], "must be an object, a service definition");
  const definition = asObject(value);
  const { org } = definition;
  return {
    org: typeof org === "string" ? org : "",
    url: readText(definition, "url", [], context),
    version: readText(definition, "version", [], context),
    arch: readText(definition, "arch", [], context),
    isPrivileged: needsPrivilege(definition["deployment"], context),
  };
}

/** A deployment that is already signed is a string of JSON. */
function needsPrivilege(deployment: unknown, context: ReadContext): boolean {
  if (typeof deployment === "string") {
    if (deployment === "") return false;
    try {
      return needsPrivilege(JSON.parse(deployment), context);
    } catch {
      context.report(["deployment"], "is a string that does not hold JSON");
      return false;
    }
  }
  return Object.values(asObject(asObject(deployment)["services"])).some((container) => {
    const { privileged, network } = asObject(container);
    return privileged === true || network === "host";
  });
}

function readText(value: JsonObject, key: string, path: Path, context: ReadContext): string {
  const text = value[key];
  if (typeof text === "string" && text !== "") return text;
  context.report([...path, key], "must be a non-empty string");
  return "";
}

function readTerms(value: JsonObject, path: Path, context: ReadContext): Terms {
  return {
    properties: readProperties(value["properties"], [...path, "properties"], context),
    constraints: readConstraints(value["constraints"], [...path, "constraints"], context),
  };
}

function readProperties(value: unknown, path: Path, context: ReadContext): Property[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) context.report(path, "must be a list");
  const properties: Property[] = [];
  for (const [i, entry] of asList(value).entries()) {
    const report = (key: string | undefined, message: string): void => {
      context.report(key === undefined ? [...path, i] : [...path, i, key], message);
    };
    const property = readProperty(entry, report);
    if (property === undefined) continue;
    if (findProperty(properties, property.name) !== undefined) {
      report("name", `the property ${property.name} is there twice`);
    }
    properties.push(property);
  }
  return properties;
}

type ReportKey = (key: string | undefined, message: string) => void;

function readProperty(entry: unknown, report: ReportKey): Property | undefined {
  if (!isObject(entry)) {
    report(undefined, "must be an object with a name and a value");
    return undefined;
  }
  const { name, value, type } = entry;
  if (typeof name !== "string" || name === "") {
    report("name", "must be a non-empty string");
    return undefined;
  }
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
    report("value", `the value of ${name} must be a string, a number or a boolean`);
    return undefined;
  }
  // The Exchange gives out null for a type that nobody declared.
  if (type === undefined || type === null || type === "") {
    return name === ALLOW_PRIVILEGED ? readAllowPrivileged(value, report) : { name, value };
  }
  if (typeof type !== "string" || !isPropertyType(type)) {
    report("type", `must be one of ${propertyTypes.join(", ")}`);
    return undefined;
  }
  const wrong = valueProblem(value, type);
  if (wrong !== undefined) report("value", `the value of ${name} ${wrong}`);
  return name === ALLOW_PRIVILEGED ? readAllowPrivileged(value, report) : { name, value, type };
}

export const ALLOW_PRIVILEGED = "openhorizon.allowPrivileged";

/** Horizon takes the strings "true" and "false" for this property, too. */
function readAllowPrivileged(value: PropertyValue, report: ReportKey): Property | undefined {
  if (String(value) === "true" || String(value) === "false") {
    return { name: ALLOW_PRIVILEGED, value: String(value) === "true" };
  }
  report("value", `the value of ${ALLOW_PRIVILEGED} must be true or false`);
  return undefined;
}

function readConstraints(value: unknown, path: Path, context: ReadContext): Constraint[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) context.report(path, "must be a list of strings");
  return asList(value).flatMap((text, i) => {
    if (typeof text !== "string") {
      context.report([...path, i], "must be a string");
      return [];
    }
    try {
      return [context.parse(text, [...path, i])];
    } catch (error) {
      if (!(error instanceof ConstraintError)) throw error;
      const position = `column ${error.at + 1} of ${JSON.stringify(text)}`;
      context.report([...path, i], `${error.message} (${position})`);
      return [];
    }
  });
}
