/**
 * Rules for deployment policies and patterns: versions that are never tried, retries that never end, constraints that never hold.
 */

import { isVersionRange, parseVersionRange } from "../../common/horizon-version.js";
import { isObject, type JsonObject, type Path } from "../../common/json/document.js";
import { ConstraintError } from "../policy/constraint-lexer.js";
import { type Expression, parseConstraint } from "../policy/constraint-parser.js";
import { isPropertyType, propertyTypes, valueProblem } from "../policy/property.js";
import type { Report } from "./schema-check.js";
import { checkVersion, checkVersionRange } from "./service-definition.js";

export function checkDeploymentPolicy(policy: JsonObject, report: Report): void {
  const service = isObject(policy["service"]) ? policy["service"] : {};
  checkVersions(service["serviceVersions"], ["service", "serviceVersions"], report);
  const { constraints } = policy;
  const texts = Array.isArray(constraints) ? constraints : [];
  if (!texts.some((text) => typeof text === "string" && text.trim() !== "")) {
    const message =
      "a policy without constraints goes to every node; hzn refuses it without --no-constraints";
    report.error("no-constraints", ["constraints"], message);
  }
  checkTerms(policy, [], report);
  checkReferences(policy, report);
}

export function checkPattern(pattern: JsonObject, report: Report): void {
  const { services } = pattern;
  for (const [i, service] of (Array.isArray(services) ? services : []).entries()) {
    if (!isObject(service)) continue;
    const path = ["services", i];
    checkVersions(service["serviceVersions"], [...path, "serviceVersions"], report);
    if (service["serviceArch"] === "*") {
      report.error(
        "pattern-arch",
        [...path, "serviceArch"],
        "a pattern names each architecture in an element of its own",
      );
    }
  }
  if (pattern["public"] === true) {
    const message = "the Exchange takes a public pattern from an organisation of type IBM alone";
    report.warning("pattern-public", ["public"], message);
  }
  checkReferences(pattern, report);
}

/** A node or service policy. */
export function checkPolicy(policy: JsonObject, report: Report): void {
  checkTerms(policy, [], report);
  for (const part of ["deployment", "management"]) {
    const terms = policy[part];
    if (isObject(terms)) checkTerms(terms, [part], report);
  }
}

/** From a start to the agent's look at it a minute passes, so this many seconds go into one try. */
const secondsPerTry = 60;

function checkVersions(value: unknown, path: Path, report: Report): void {
  const entries = Array.isArray(value) ? value : [];
  if (entries.length === 0) report.error("no-version", path, "needs at least one version");
  const priorities = new Map<number, unknown>();
  const versions = new Set<unknown>();
  const ranks = entries.map((entry, i) =>
    isObject(entry) ? checkPriority(entry, [...path, i], report) : 0,
  );
  const alone = ranks.indexOf(0);
  for (const [i, entry] of entries.entries()) {
    if (!isObject(entry)) continue;
    const here = [...path, i];
    const { version } = entry;
    checkVersion(version, [...here, "version"], report);
    if (versions.has(version)) report.error("version-twice", here, `${version} is there twice`);
    versions.add(version);
    const rank = ranks[i] ?? 0;
    const rival = priorities.get(rank);
    if (alone >= 0 && alone !== i) {
      const message = `is never tried: element ${alone} has no priority and is tried alone`;
      report.error("dead-version", here, message);
    } else if (rival !== undefined) {
      report.error(
        "dead-version",
        here,
        `is never tried: ${rival} before it has the same priority`,
      );
    }
    priorities.set(rank, rival ?? version);
    if (isObject(entry["upgradePolicy"])) {
      report.warning(
        "no-effect",
        [...here, "upgradePolicy"],
        "the agreement bot does not look at it",
      );
    }
  }
}

/** Returns the priority, 0 where there is none. */
function checkPriority(entry: JsonObject, path: Path, report: Report): number {
  const priority = isObject(entry["priority"]) ? entry["priority"] : {};
  const number = (key: string): number => {
    const given = priority[key];
    return typeof given === "number" ? given : 0;
  };
  const rank = number("priority_value");
  const [retries, seconds] = [number("retries"), number("retry_durations")];
  const verified = number("verified_durations");
  const here = [...path, "priority"];
  if (rank !== 0 && (retries === 0 || seconds === 0)) {
    report.error("priority", here, "priority_value needs retries and retry_durations beside it");
  } else if (rank === 0 && (retries !== 0 || seconds !== 0 || verified !== 0)) {
    report.error("priority", here, "retries and durations need a priority_value beside them");
  } else if (rank !== 0 && seconds < (retries + 1) * secondsPerTry) {
    const message = `${retries} failures do not happen within ${seconds} s, since a try takes about ${secondsPerTry} s: this version would be tried for ever; 3600 works`;
    report.error("retry-duration", [...here, "retry_durations"], message);
  }
  if (verified !== 0) {
    report.warning(
      "no-effect",
      [...here, "verified_durations"],
      "the agreement bot does not look at it",
    );
  }
  return rank;
}

function checkTerms(terms: JsonObject, path: Path, report: Report): void {
  const { properties, constraints } = terms;
  const names = new Set<unknown>();
  for (const [i, property] of (Array.isArray(properties) ? properties : []).entries()) {
    if (isObject(property)) checkProperty(property, [...path, "properties", i], names, report);
  }
  for (const [i, text] of (Array.isArray(constraints) ? constraints : []).entries()) {
    if (typeof text === "string") checkConstraint(text, [...path, "constraints", i], report);
  }
}

function checkProperty(
  property: JsonObject,
  path: Path,
  names: Set<unknown>,
  report: Report,
): void {
  const { name, value, type } = property;
  if (names.has(name))
    report.error("property-twice", path, `${name} is there twice: hzn refuses the policy`);
  names.add(name);
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
    report.error("property-value", path, "needs a value: a text, a number or a boolean");
    return;
  }
  if (type === undefined || type === null || type === "") return;
  if (typeof type !== "string" || !isPropertyType(type)) {
    report.error("property-type", [...path, "type"], `must be one of ${propertyTypes.join(", ")}`);
    return;
  }
  const problem = valueProblem(value, type);
  if (problem !== undefined) report.error("property-value", [...path, "value"], problem);
}

/** What Horizon itself says about nodes and services. */
const builtIn = new Set([
  ...["cpu", "memory", "arch", "hardwareId", "allowPrivileged", "operatingSystem", "containerized"],
  ...["kubernetesVersion", "kubernetesNamespace", "kubernetesNamespaceScoped"],
  ...["service.url", "service.name", "service.org", "service.version", "service.arch"],
]);
const builtInPrefix = "openhorizon.";

function checkConstraint(text: string, path: Path, report: Report): void {
  try {
    const { expression, warnings } = parseConstraint(text);
    for (const { at, message } of warnings) {
      report.error("constraint-meaning", path, `${message} (column ${at + 1})`);
    }
    for (const name of new Set(namesIn(expression))) {
      if (name.startsWith(builtInPrefix) && !builtIn.has(name.slice(builtInPrefix.length))) {
        const message = `${name} is none of Horizon's own: it holds only where a policy of yours sets it`;
        report.warning("unknown-property", path, message);
      }
    }
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    report.error("constraint", path, `${error.message} (column ${error.at + 1})`);
  }
}

function namesIn(expression: Expression): string[] {
  return expression.t === "clause" ? [expression.name] : expression.of.flatMap(namesIn);
}

/** The services that userInput and secretBinding speak of. */
function checkReferences(policy: JsonObject, report: Report): void {
  for (const list of ["userInput", "secretBinding"]) {
    const elements = policy[list];
    for (const [i, element] of (Array.isArray(elements) ? elements : []).entries()) {
      if (!isObject(element)) continue;
      const path = [list, i];
      checkVersionRange(element["serviceVersionRange"], [...path, "serviceVersionRange"], report);
      if (list === "userInput") checkInputReference(element, path, report);
      const { secrets } = element;
      for (const [j, secret] of (Array.isArray(secrets) ? secrets : []).entries()) {
        const values = isObject(secret) ? Object.values(secret) : [];
        if (values.length !== 1 || typeof values[0] !== "string" || values[0] === "") {
          const message = 'is written {"name in the service": "name in the secrets manager"}';
          report.error("secret-form", [...path, "secrets", j], message);
        }
      }
    }
  }
}

/** What the Exchange looks for, and never finds: it refuses the whole policy as one of a service that does not exist. */
function checkInputReference(element: JsonObject, path: Path, report: Report): void {
  const { serviceArch: arch, serviceVersionRange: range } = element;
  if (arch === "*") {
    const message =
      'the Exchange takes "*" for the name of an architecture and refuses the policy: leave serviceArch out, which means any';
    report.error("input-arch", [...path, "serviceArch"], message);
  }
  if (typeof range !== "string" || !isVersionRange(range)) return;
  const { low, high } = parseVersionRange(range);
  if (low !== high) return;
  const message = `the Exchange does not find a range of ${low} alone and refuses the policy: end it beyond, as in [${low},${beyond(low)})`;
  report.error("input-version-range", [...path, "serviceVersionRange"], message);
}

/** 1.2.3 to 1.2.4. */
function beyond(version: string): string {
  return version.replace(/\d+$/, (patch) => String(Number(patch) + 1));
}
