/** Rules for a service definition: what the Exchange refuses, and what it accepts although it fails on the node. */

import { isVersionRange } from "../../common/horizon-version.js";
import { isObject, type JsonObject } from "../../common/json/document.js";
import { asList, asObject, objectEntries } from "../json.js";
import { checkContainer, checkPortClash } from "./container.js";
import type { Reporter } from "./schema-check.js";

/** Go's names, which Horizon uses. */
const ARCHES = ["amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64"];

const OTHER_NAMES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
  armhf: "arm",
  armv7l: "arm",
};

export function checkServiceDefinition(definition: JsonObject, reporter: Reporter): void {
  checkHead(definition, reporter);
  const inputs = checkInputs(definition, reporter);
  checkRequiredServices(definition, reporter);
  const { deployment, deploymentSignature: signature } = definition;
  if (typeof deployment === "string" && deployment !== "" && !signature) {
    const message = "a deployment that is given as a string needs a deploymentSignature";
    reporter.at("deployment").error("not-signed", message);
  }
  if (!deployment && !definition["clusterDeployment"]) {
    reporter.error("no-container", "has no deployment, so that there is nothing to run");
  }
  const { services } = asObject(deployment);
  if (!isObject(services)) return;
  const inServices = reporter.at("deployment", "services");
  if (Object.keys(services).length === 0) {
    inServices.error("no-container", "needs at least one container");
  }
  checkSecretsAlike(services, inServices);
  const ports = new Map<string, string>();
  for (const [key, container] of Object.entries(services)) {
    const here = inServices.at(key);
    if (!/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(key)) {
      const message = `'${key}' cannot be the host name by which other containers reach this one`;
      here.warning("container-key", message);
    }
    if (!isObject(container)) continue;
    checkContainer(container, here);
    checkEnvironment(container, inputs, here);
    checkPortClash(key, container, ports, here);
  }
}

/**
 * Horizon 2.32.0 visits the containers in random order and keeps what the last one declares
 * (`ValidateSecretBindingForSingleService`): it neither checks the binding of another container's secrets nor delivers them.
 */
function checkSecretsAlike(services: JsonObject, reporter: Reporter): void {
  const declared = Object.entries(services).map(
    ([key, container]) => [key, Object.keys(asObject(asObject(container)["secrets"]))] as const,
  );
  for (const [key, names] of declared) {
    for (const name of names) {
      const others = declared.filter(([, secrets]) => !secrets.includes(name)).map(([one]) => one);
      if (others.length === 0) continue;
      const message = `is not declared in ${others.join(", ")} too: at random, Horizon does not check its binding and runs the service without it`;
      reporter.at(key, "secrets", name).error("secret-in-one-container", message);
    }
  }
}

function checkHead(definition: JsonObject, reporter: Reporter): void {
  checkVersion(definition["version"], reporter.at("version"));
  const { arch, sharable, documentation } = definition;
  if (typeof arch === "string" && arch !== "" && !ARCHES.includes(arch)) {
    const hint = OTHER_NAMES[arch] ?? `one of ${ARCHES.join(", ")}`;
    reporter.at("arch").error("arch", `Horizon does not know '${arch}': write ${hint}`);
  }
  if (sharable === "single") {
    reporter.at("sharable").warning("obsolete-value", "is now written singleton");
  } else if (
    typeof sharable === "string" &&
    !["", "exclusive", "singleton", "multiple"].includes(sharable)
  ) {
    const message = `'${sharable}' is none of exclusive, singleton, multiple`;
    reporter.at("sharable").error("sharable", message);
  }
  if (typeof documentation === "string" && documentation !== "" && !URL.canParse(documentation)) {
    reporter.at("documentation").error("documentation", "the Exchange accepts only a URL here");
  }
}

/** The Exchange accepts one to three numbers; everything else that orders versions agrees only on three. */
export function checkVersion(version: unknown, reporter: Reporter): void {
  if (typeof version !== "string" || version === "") return;
  if (!/^\d+(?:\.\d+){0,2}$/.test(version)) {
    const message = `the Exchange refuses '${version}': write a version as 1.2.3, without a suffix`;
    reporter.error("version-form", message);
  } else if (!/^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}$/.test(version)) {
    const message = `write '${version}' with three numbers and without leading zeros`;
    reporter.warning("version-form", message);
  }
}

export function checkVersionRange(range: unknown, reporter: Reporter): void {
  if (typeof range !== "string" || range === "") return;
  if (isVersionRange(range) || /^\d+(?:\.\d+){0,2}$/.test(range)) return;
  const message = `'${range}' is not a version range: write it as [1.0.0,2.0.0) or [1.0.0,INFINITY)`;
  reporter.error("version-range", message);
}

const INPUT_TYPES = ["string", "int", "float", "boolean", "bool", "list of strings"];

/** Checks the userInputs and returns their names. */
function checkInputs({ userInput }: JsonObject, reporter: Reporter): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [i, input] of objectEntries(userInput)) {
    const here = reporter.at("userInput", i);
    checkInputName(input["name"], names, here.at("name"));
    checkInputType(input, here);
  }
  return names;
}

function checkInputName(name: unknown, names: Set<string>, reporter: Reporter): void {
  if (typeof name !== "string" || name === "") return;
  if (names.has(name)) reporter.error("input-twice", `${name} is declared twice`);
  names.add(name);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    const message = `'${name}' is not a name that a shell can read from the environment`;
    reporter.warning("input-name", message);
  }
  if (name.startsWith("HZN_")) {
    reporter.warning("input-name", "names that begin with HZN_ belong to the agent");
  }
}

function checkInputType(input: JsonObject, reporter: Reporter): void {
  const { type, defaultValue } = input;
  if (typeof type === "string" && type !== "" && !INPUT_TYPES.includes(type)) {
    reporter.at("type").error("input-type", `'${type}' is none of ${INPUT_TYPES.join(", ")}`);
  }
  if (type === "list of strings") {
    const message = "the items arrive in one variable, separated by blanks: an item must have none";
    reporter.at("type").warning("input-list", message);
  }
  if (defaultValue === undefined || defaultValue === null || defaultValue === "") {
    const message = "has no default: no agreement is made before a policy or the node sets it";
    reporter.warning("input-without-default", message);
  } else if (typeof defaultValue === "string" && !isValueOf(defaultValue, type)) {
    const message = `'${defaultValue}' is not a valid ${type}, which nobody else checks`;
    reporter.at("defaultValue").error("input-default", message);
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

function checkRequiredServices({ requiredServices, arch }: JsonObject, reporter: Reporter): void {
  for (const [i, required] of objectEntries(requiredServices)) {
    const here = reporter.at("requiredServices", i);
    if (required["arch"] !== arch) {
      here.at("arch").error("required-arch", "must be the architecture of the service itself");
    }
    checkVersionRange(required["versionRange"], here.at("versionRange"));
    if (required["version"] !== undefined) {
      here.at("version").warning("obsolete-key", "is the old spelling of versionRange");
    }
  }
}

/**
 * On the node `environment` overrides userInput. A variable in it is replaced when the definition is published, on the machine
 * that publishes it.
 */
function checkEnvironment(
  container: JsonObject,
  inputs: ReadonlySet<string>,
  reporter: Reporter,
): void {
  for (const [i, entry] of asList(container["environment"]).entries()) {
    if (typeof entry !== "string") continue;
    const here = reporter.at("environment", i);
    const [name = ""] = entry.split("=", 1);
    const [expansion] = here.expansions();
    if (!entry.includes("=")) {
      here.error("environment-form", `write '${entry}' as NAME=value`);
    }
    if (expansion !== undefined) {
      const value = expansion.value === undefined ? "nothing" : `'${expansion.value}'`;
      const message = `$${expansion.name} is replaced when this is published, here by ${value}, and not on the node; declare a userInput instead`;
      here.error("environment-variable", message);
    }
    if (inputs.has(name)) {
      const message = `fixes ${name}: what a node or a policy gives as userInput is ignored`;
      here.error("environment-over-input", message);
    } else if (name.startsWith("HZN_")) {
      here.error("environment-over-agent", `the agent sets ${name}`);
    }
  }
}
