/** Rules for a service definition: what the Exchange refuses, and what is taken and then goes wrong on the node. */

import { isVersionRange } from "../../common/horizon-version.js";
import { type Document, isObject, type JsonObject, type Path } from "../../common/json/document.js";
import { checkContainer, hostPortOf } from "./container.js";
import type { Report } from "./schema-check.js";

/** Go's names, which are Horizon's. */
const arches = new Set(["amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64"]);

const otherNames: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
  armhf: "arm",
  armv7l: "arm",
};

export function checkServiceDefinition(
  definition: JsonObject,
  document: Document,
  report: Report,
): void {
  checkHead(definition, report);
  const inputs = checkInputs(definition, report);
  checkRequiredServices(definition, report);
  const { deployment, deploymentSignature: signature } = definition;
  if (typeof deployment === "string" && deployment !== "" && !signature) {
    report.error(
      "not-signed",
      ["deployment"],
      "a deployment given as a text needs a deploymentSignature",
    );
  }
  if (!deployment && !definition["clusterDeployment"]) {
    report.error("no-container", [], "has no deployment, and so nothing to run");
  }
  const services = isObject(deployment) ? deployment["services"] : undefined;
  if (!isObject(services)) return;
  const path = ["deployment", "services"];
  if (Object.keys(services).length === 0)
    report.error("no-container", path, "needs at least one container");
  checkSecretsAlike(services, path, report);
  const ports = new Map<string, string>();
  for (const [key, container] of Object.entries(services)) {
    const here = [...path, key];
    if (!/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(key)) {
      const message = `'${key}' cannot be the host name by which other containers reach this one`;
      report.warning("container-key", here, message);
    }
    if (!isObject(container)) continue;
    checkContainer(container, here, report);
    checkEnvironment(container, here, inputs, document, report);
    checkPortClash(key, container, here, ports, report);
  }
}

/**
 * Horizon 2.32.0 goes by the containers in an order of chance and keeps what the last one declares
 * (`ValidateSecretBindingForSingleService`): of another container's secrets it neither checks the binding nor brings the value.
 */
function checkSecretsAlike(services: JsonObject, path: Path, report: Report): void {
  const declared = new Map(
    Object.entries(services).map(([key, container]) => [
      key,
      isObject(container) && isObject(container["secrets"])
        ? Object.keys(container["secrets"])
        : [],
    ]),
  );
  for (const [key, names] of declared) {
    for (const name of names) {
      const without = [...declared].filter(([, others]) => !others.includes(name));
      if (without.length === 0) continue;
      const others = without.map(([other]) => other).join(", ");
      const message = `is not declared in ${others} too: by chance Horizon checks no binding of it, and runs the service without it`;
      report.error("secret-in-one-container", [...path, key, "secrets", name], message);
    }
  }
}

function checkHead(definition: JsonObject, report: Report): void {
  checkVersion(definition["version"], ["version"], report);
  const { arch, sharable, documentation } = definition;
  if (typeof arch === "string" && arch !== "" && !arches.has(arch)) {
    const name = otherNames[arch];
    const hint = name === undefined ? `one of ${[...arches].join(", ")}` : name;
    report.error("arch", ["arch"], `Horizon does not know '${arch}': write ${hint}`);
  }
  if (
    typeof sharable === "string" &&
    !["", "exclusive", "singleton", "multiple"].includes(sharable)
  ) {
    if (sharable === "single")
      report.warning("obsolete-value", ["sharable"], "is now written singleton");
    else
      report.error(
        "sharable",
        ["sharable"],
        `'${sharable}' is none of exclusive, singleton, multiple`,
      );
  }
  if (typeof documentation === "string" && documentation !== "" && !URL.canParse(documentation)) {
    report.error("documentation", ["documentation"], "the Exchange takes nothing but a URL here");
  }
}

/** The Exchange takes numbers alone, one to three; everything else that orders versions agrees on three. */
export function checkVersion(version: unknown, path: Path, report: Report): void {
  if (typeof version !== "string" || version === "") return;
  if (!/^\d+(?:\.\d+){0,2}$/.test(version)) {
    const message = `'${version}' is refused by the Exchange: a version is written 1.2.3, without a suffix`;
    report.error("version-form", path, message);
  } else if (!/^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}$/.test(version)) {
    report.warning(
      "version-form",
      path,
      `write '${version}' with three numbers and without leading zeros`,
    );
  }
}

export function checkVersionRange(range: unknown, path: Path, report: Report): void {
  if (typeof range !== "string" || range === "") return;
  if (isVersionRange(range) || /^\d+(?:\.\d+){0,2}$/.test(range)) return;
  const message = `'${range}' is no version range: it is written [1.0.0,2.0.0) or [1.0.0,INFINITY)`;
  report.error("version-range", path, message);
}

const inputTypes = ["string", "int", "float", "boolean", "bool", "list of strings"];

/** Checks the userInputs and returns their names. */
function checkInputs(definition: JsonObject, report: Report): ReadonlySet<string> {
  const names = new Set<string>();
  const { userInput } = definition;
  for (const [i, input] of (Array.isArray(userInput) ? userInput : []).entries()) {
    if (!isObject(input)) continue;
    const path = ["userInput", i];
    checkInputName(input["name"], [...path, "name"], names, report);
    checkInputType(input, path, report);
  }
  return names;
}

function checkInputName(name: unknown, path: Path, names: Set<string>, report: Report): void {
  if (typeof name !== "string" || name === "") return;
  if (names.has(name)) report.error("input-twice", path, `${name} is declared twice`);
  names.add(name);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    report.warning(
      "input-name",
      path,
      `'${name}' is no name that a shell can read from the environment`,
    );
  }
  if (name.startsWith("HZN_")) {
    report.warning("input-name", path, "names from HZN_ belong to the agent");
  }
}

function checkInputType(input: JsonObject, path: Path, report: Report): void {
  const { type, defaultValue } = input;
  if (typeof type === "string" && type !== "" && !inputTypes.includes(type)) {
    report.error("input-type", [...path, "type"], `'${type}' is none of ${inputTypes.join(", ")}`);
  }
  if (type === "list of strings") {
    const message =
      "the items arrive in one variable with blanks between: an item with a blank falls apart";
    report.warning("input-list", [...path, "type"], message);
  }
  if (defaultValue === undefined || defaultValue === null || defaultValue === "") {
    const message = "has no default: no agreement is made before a policy or the node sets it";
    report.warning("input-without-default", path, message);
  } else if (typeof defaultValue === "string" && !isValueOf(defaultValue, type)) {
    const message = `'${defaultValue}' is no ${type}, and nobody else checks it`;
    report.error("input-default", [...path, "defaultValue"], message);
  }
}

function isValueOf(text: string, type: unknown): boolean {
  switch (type) {
    case "int":
      return /^[+-]?\d+$/.test(text);
    case "float":
      return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text);
    case "boolean":
    case "bool":
      return text === "true" || text === "false";
    default:
      return true;
  }
}

function checkRequiredServices(definition: JsonObject, report: Report): void {
  const { requiredServices, arch } = definition;
  for (const [i, required] of (Array.isArray(requiredServices) ? requiredServices : []).entries()) {
    if (!isObject(required)) continue;
    const path = ["requiredServices", i];
    if (required["arch"] !== arch) {
      report.error(
        "required-arch",
        [...path, "arch"],
        "must be the architecture of the service itself",
      );
    }
    checkVersionRange(required["versionRange"], [...path, "versionRange"], report);
    if (required["version"] !== undefined) {
      report.warning("obsolete-key", [...path, "version"], "is the old spelling of versionRange");
    }
  }
}

/**
 * `environment` comes last on the node and so wins over userInput; and a variable in it was replaced when the definition was
 * published, on the machine that did it.
 */
function checkEnvironment(
  container: JsonObject,
  path: Path,
  inputs: ReadonlySet<string>,
  document: Document,
  report: Report,
): void {
  const { environment } = container;
  for (const [i, entry] of (Array.isArray(environment) ? environment : []).entries()) {
    if (typeof entry !== "string") continue;
    const here = [...path, "environment", i];
    const name = entry.split("=", 1)[0] ?? "";
    const [expansion] = document.expansionsIn(here);
    if (!entry.includes("=")) {
      report.error("environment-form", here, `'${entry}' is written NAME=value`);
    }
    if (expansion !== undefined) {
      const value = expansion.value === undefined ? "nothing" : `'${expansion.value}'`;
      const message = `$${expansion.name} is replaced when this is published, here by ${value}, and not on the node; declare a userInput instead`;
      report.error("environment-variable", here, message);
    }
    if (inputs.has(name)) {
      report.error(
        "environment-over-input",
        here,
        `sets ${name} for good: what a node or policy gives as userInput is lost`,
      );
    } else if (name.startsWith("HZN_")) {
      report.error("environment-over-agent", here, `${name} is set by the agent`);
    }
  }
}

function checkPortClash(
  key: string,
  container: JsonObject,
  path: Path,
  taken: Map<string, string>,
  report: Report,
): void {
  for (const list of ["ports", "specific_ports"]) {
    const ports = container[list];
    for (const [i, port] of (Array.isArray(ports) ? ports : []).entries()) {
      const spec = isObject(port) ? port["HostPort"] : undefined;
      const host = typeof spec === "string" ? hostPortOf(spec) : undefined;
      if (host === undefined) continue;
      const name = `${host.number}/${host.protocol}`;
      const owner = taken.get(name);
      if (owner !== undefined) {
        const message = `the port ${name} of the node is taken already by the container ${owner}`;
        report.error("port-clash", [...path, list, i, "HostPort"], message);
      }
      taken.set(name, key);
    }
  }
}
