// The secrets of a publication. The package's files name none: a secret that the definition declares and no policy binds keeps
// every node from an agreement.

import { isObject, type JsonObject } from "../../common/json/document.js";
import { containersOf } from "../json.js";
import { PublishError } from "./hzn.js";

/** A secret: `name` in settings, as in `secret:name`, and its name in the hub's secrets manager. */
export interface SecretName {
  readonly name: string;
  readonly hub: string;
}

/** Parses `cam-login viewers=lobby-viewers`. */
export function parseSecrets(text: string): SecretName[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const secrets = words.map((word) => {
    const [, name, hub = name] = /^([\w.-]+)(?:=([\w./-]+))?$/.exec(word) ?? [];
    if (name !== undefined && hub !== undefined) return { name, hub };
    throw new PublishError(`SECRETS: "${word}" is neither NAME nor NAME=NAME_AT_THE_HUB`);
  });
  const twice = secrets.find(({ name }, i) => secrets.findIndex((one) => one.name === name) !== i);
  if (twice !== undefined) throw new PublishError(`SECRETS: ${twice.name} is there twice`);
  return secrets;
}

/**
 * The definition with the secrets in every container, although only the agent reads them: Horizon 2.32.0 visits the containers
 * in random order, and neither checks nor delivers what the last of them does not declare
 * (`ValidateSecretBindingForSingleService`).
 */
export function withSecrets(definition: JsonObject, secrets: readonly SecretName[]): JsonObject {
  if (secrets.length === 0) return definition;
  const declared = Object.fromEntries(
    secrets.map(({ name }) => [name, { description: `secret:${name}` }]),
  );
  const services = Object.fromEntries(
    Object.entries(containersOf(definition)).map(([key, container]) => [
      key,
      { ...container, secrets: declared },
    ]),
  );
  return { ...definition, deployment: { services } };
}

/** The deployment policy with each secret bound to the hub's, for every version and architecture. */
export function withSecretBinding(policy: JsonObject, secrets: readonly SecretName[]): JsonObject {
  const { service } = policy;
  if (secrets.length === 0 || !isObject(service)) return policy;
  const binding = {
    serviceOrgid: service["org"],
    serviceUrl: service["name"],
    serviceVersionRange: "[0.0.0,INFINITY)",
    secrets: secrets.map(({ name, hub }) => ({ [name]: hub })),
  };
  return { ...policy, secretBinding: [binding] };
}
