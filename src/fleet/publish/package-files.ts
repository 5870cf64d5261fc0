// The package's files that hzn is given: read with their variables, changed for this publication, written under build/.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { environment } from "../../common/environment.js";
import {
  type Document,
  isObject,
  type JsonObject,
  parseDocument,
} from "../../common/json/document.js";
import { projectVariables } from "../../common/json/variables.js";
import { displayWithCode, lint } from "../definition/lint.js";
import { asObject, asObjects } from "../json.js";
import type { Environment } from "../rollout/hub.js";
import { PublishError } from "./hzn.js";
import { parseSecrets, withSecretBinding, withSecrets } from "./secrets.js";

const DEFINITION = "service.definition.json";
const DEPLOYMENT_POLICY = "deployment.policy.json";
const OBJECT = "horizon/object.json";

/** The service definition with the secrets of this publication. */
export function serviceDefinition(): JsonObject {
  return withSecrets(asObject(read(DEFINITION).value), secretsOf(environment));
}

/** Throws a PublishError with every error that the linter finds in the service definition. */
export function checkServiceDefinition(): void {
  refuseErrors(read(DEFINITION));
}

/** Writes the service definition as it is to be published, and returns the file. */
export function writeServiceDefinition(definition: JsonObject): string {
  return write(DEFINITION, definition);
}

/** The deployment policy as it is to be published. An empty PREVIOUS_VERSION is allowed: its entry is left out. */
export function deploymentPolicy(variables: Environment): JsonObject {
  const policy = asObject(read(DEPLOYMENT_POLICY, variables).value);
  return withSecretBinding(withoutEmptyVersions(policy), secretsOf(variables));
}

function withoutEmptyVersions(policy: JsonObject): JsonObject {
  const { service } = policy;
  if (!isObject(service) || !Array.isArray(service["serviceVersions"])) return policy;
  const versions = asObjects(service["serviceVersions"]).filter(({ version }) => version !== "");
  return { ...policy, service: { ...service, serviceVersions: versions } };
}

/** Writes the deployment policy, and returns the file. Throws a PublishError with every error that the linter finds. */
export function writeDeploymentPolicy(variables: Environment): string {
  const file = write(DEPLOYMENT_POLICY, deploymentPolicy(variables));
  refuseErrors(parseDocument(file, readFileSync(file, "utf8"), () => undefined));
  return file;
}

/** Writes the definition of an object for the Model Management Service, and returns the file. */
export function writeObject(variables: Environment): string {
  return write(`${variables["OBJECT_TYPE"]}.json`, read(OBJECT, variables).value);
}

export function printed(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function read(file: string, variables: Environment = environment): Document {
  return parseDocument(file, readFileSync(file, "utf8"), projectVariables(file, variables));
}

function write(name: string, value: unknown): string {
  const file = join("build/horizon", environment["ARCH"] ?? "", name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, printed(value));
  return file;
}

function secretsOf(variables: Environment) {
  return parseSecrets(variables["SECRETS"] ?? "");
}

function refuseErrors(document: Document): void {
  const errors = lint([document]).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new PublishError(errors.map(displayWithCode).join("\n"));
}
