/** Rules for policies and patterns: versions that are never tried, retries that never end, constraints that never hold. */

import { isVersionRange, parseVersionRange } from "../../common/horizon-version.js";
import { isObject, type JsonObject } from "../../common/json/document.js";
import { asList, asObject, objectEntries } from "../json.js";
import { ConstraintError } from "../policy/constraint-lexer.js";
import { type Expression, parseConstraint } from "../policy/constraint-parser.js";
import { isPropertyType, propertyTypes, valueProblem } from "../policy/property.js";
import type { Reporter } from "./schema-check.js";
import { checkVersion, checkVersionRange } from "./service-definition.js";

export function checkDeploymentPolicy(policy: JsonObject, reporter: Reporter): void {
  const { serviceVersions } = asObject(policy["service"]);
  checkVersions(serviceVersions, reporter.at("service", "serviceVersions"));
  const constraints = asList(policy["constraints"]);
  if (!constraints.some((text) => typeof text === "string" && text.trim() !== "")) {
    const message =
      "a policy without constraints covers every node; hzn refuses it without --no-constraints";
    reporter.at("constraints").error("no-constraints", message);
  }
  checkTerms(policy, reporter);
  checkReferences(policy, reporter);
}

export function checkPattern(pattern: JsonObject, reporter: Reporter): void {
  for (const [i, service] of objectEntries(pattern["services"])) {
    const here = reporter.at("services", i);
    checkVersions(service["serviceVersions"], here.at("serviceVersions"));
    if (service["serviceArch"] === "*") {
      const message = "a pattern has a separate element for each architecture";
      here.at("serviceArch").error("pattern-arch", message);
    }
  }
  if (pattern["public"] === true) {
    const message = "the Exchange accepts a public pattern only from an organisation of type IBM";
    reporter.at("public").warning("pattern-public", message);
  }
  checkReferences(pattern, reporter);
}

/** A node or service policy. */
export function checkPolicy(policy: JsonObject, reporter: Reporter): void {
  checkTerms(policy, reporter);
  for (const part of ["deployment", "management"]) {
    checkTerms(asObject(policy[part]), reporter.at(part));
  }
}

function checkVersions(value: unknown, reporter: Reporter): void {
  const entries = asList(value);
  if (entries.length === 0) reporter.error("no-version", "needs at least one version");
  const byPriority = new Map<number, unknown>();
  const versions = new Set<unknown>();
  const priorities = entries.map((entry, i) =>
    isObject(entry) ? checkPriority(entry, reporter.at(i)) : 0,
  );
  const alone = priorities.indexOf(0);
  for (const [i, entry] of objectEntries(entries)) {
    const here = reporter.at(i);
    const { version } = entry;
    checkVersion(version, here.at("version"));
    if (versions.has(version)) here.error("version-twice", `${version} is there twice`);
    versions.add(version);
    const priority = priorities[i] ?? 0;
    const rival = byPriority.get(priority);
    if (alone >= 0 && alone !== i) {
      const message = `is never tried: element ${alone} has no priority and is tried alone`;
      here.error("dead-version", message);
    } else if (rival !== undefined) {
      here.error("dead-version", `is never tried: ${rival} before it has the same priority`);
    }
    byPriority.set(priority, rival ?? version);
    if (isObject(entry["upgradePolicy"])) {
      here.at("upgradePolicy").warning("no-effect", "the agreement bot ignores it");
    }
  }
}

/** From a start to the agent's check of it a minute passes, so that one try takes so many seconds. */
const SECONDS_PER_TRY = 60;

/** Returns the priority, 0 if there is none. */
function checkPriority(entry: JsonObject, reporter: Reporter): number {
  const fields = asObject(entry["priority"]);
  const number = (key: string): number => {
    const given = fields[key];
    return typeof given === "number" ? given : 0;
  };
  const priority = number("priority_value");
  const [retries, seconds] = [number("retries"), number("retry_durations")];
  const verified = number("verified_durations");
  const here = reporter.at("priority");
  if (priority !== 0 && (retries === 0 || seconds === 0)) {
    here.error("priority", "priority_value needs retries and retry_durations as well");
  } else if (priority === 0 && (retries !== 0 || seconds !== 0 || verified !== 0)) {
    here.error("priority", "retries and durations need a priority_value as well");
  } else if (priority !== 0 && seconds < (retries + 1) * SECONDS_PER_TRY) {
    const message = `${retries} failures do not happen within ${seconds} s, since a try takes about ${SECONDS_PER_TRY} s: this version would be tried forever; 3600 works`;
    here.at("retry_durations").error("retry-duration", message);
  }
  if (verified !== 0) {
    here.at("verified_durations").warning("no-effect", "the agreement bot ignores it");
  }
  return priority;
}

function checkTerms({ properties, constraints }: JsonObject, reporter: Reporter): void {
  const names = new Set<unknown>();
  for (const [i, property] of objectEntries(properties)) {
    checkProperty(property, names, reporter.at("properties", i));
  }
  for (const [i, text] of asList(constraints).entries()) {
    if (typeof text === "string") checkConstraint(text, reporter.at("constraints", i));
  }
}

function checkProperty(
  { name, value, type }: JsonObject,
  names: Set<unknown>,
  reporter: Reporter,
): void {
  if (names.has(name)) {
    reporter.error("property-twice", `${name} is there twice: hzn refuses the policy`);
  }
  names.add(name);
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
    reporter.error("property-value", "needs a value: a string, a number or a boolean");
    return;
  }
  if (type === undefined || type === null || type === "") return;
  if (typeof type !== "string" || !isPropertyType(type)) {
    reporter.at("type").error("property-type", `must be one of ${propertyTypes.join(", ")}`);
    return;
  }
  const wrong = valueProblem(value, type);
  if (wrong !== undefined) reporter.at("value").error("property-value", wrong);
}

/** The properties that Horizon itself sets for nodes and services. */
const BUILT_IN = new Set([
  ...["cpu", "memory", "arch", "hardwareId", "allowPrivileged", "operatingSystem", "containerized"],
  ...["kubernetesVersion", "kubernetesNamespace", "kubernetesNamespaceScoped"],
  ...["service.url", "service.name", "service.org", "service.version", "service.arch"],
]);
const BUILT_IN_PREFIX = "openhorizon.";

function checkConstraint(text: string, reporter: Reporter): void {
  try {
    const { expression, warnings } = parseConstraint(text);
    for (const { at, message } of warnings) {
      reporter.error("constraint-meaning", `${message} (column ${at + 1})`);
    }
    for (const name of new Set(namesIn(expression))) {
      if (name.startsWith(BUILT_IN_PREFIX) && !BUILT_IN.has(name.slice(BUILT_IN_PREFIX.length))) {
        const message = `${name} is not a property of Horizon: it holds only where a policy of yours sets it`;
        reporter.warning("unknown-property", message);
      }
    }
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    reporter.error("constraint", `${error.message} (column ${error.at + 1})`);
  }
}

function namesIn(expression: Expression): string[] {
  return expression.t === "clause" ? [expression.name] : expression.of.flatMap(namesIn);
}

/** The services that userInput and secretBinding refer to. */
function checkReferences(policy: JsonObject, reporter: Reporter): void {
  for (const list of ["userInput", "secretBinding"]) {
    for (const [i, element] of objectEntries(policy[list])) {
      const here = reporter.at(list, i);
      const { serviceVersionRange: range, secrets } = element;
      checkVersionRange(range, here.at("serviceVersionRange"));
      if (list === "userInput") checkInputReference(element, here);
      for (const [j, secret] of asList(secrets).entries()) {
        const values = Object.values(asObject(secret));
        if (values.length === 1 && typeof values[0] === "string" && values[0] !== "") continue;
        const message = 'write it as {"name in the service": "name in the secrets manager"}';
        here.at("secrets", j).error("secret-form", message);
      }
    }
  }
}

/** What the Exchange looks up and never finds: it refuses the policy, as one for a service that does not exist. */
function checkInputReference(element: JsonObject, reporter: Reporter): void {
  const { serviceArch: arch, serviceVersionRange: range } = element;
  if (arch === "*") {
    const message =
      'the Exchange takes "*" for the name of an architecture and refuses the policy: leave serviceArch out, which means any';
    reporter.at("serviceArch").error("input-arch", message);
  }
  if (typeof range !== "string" || !isVersionRange(range)) return;
  const { low, high } = parseVersionRange(range);
  if (low !== high) return;
  const next = low.replace(/\d+$/, (patch) => String(Number(patch) + 1));
  const message = `the Exchange does not find a range of ${low} alone and refuses the policy: end it later, as in [${low},${next})`;
  reporter.at("serviceVersionRange").error("input-version-range", message);
}
