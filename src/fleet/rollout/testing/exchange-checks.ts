/** What the Exchange 2.154.0 refuses in a body, with its own messages. Undefined: accepted. */

import { isObject, type JsonObject } from "../../../common/json/document.js";
import { idPattern, singleVersion, versionIn } from "./exchange-ids.js";

/** The fields of an object. `parts`: those that hold an object or a list of objects. */
interface Shape {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly parts?: Readonly<Record<string, Shape>>;
}

/** An element of a list, of which no field is required. */
const element = (...optional: string[]): Shape => ({ required: [], optional });
const property = element("name", "value", "type");
const userInput: Shape = {
  ...element("serviceOrgid", "serviceUrl", "serviceArch", "serviceVersionRange", "inputs"),
  parts: { inputs: element("name", "value") },
};
const secretBinding = element(
  ...["serviceOrgid", "serviceUrl", "serviceArch", "serviceVersionRange", "secrets"],
  "enableNodeLevelSecrets",
);

const service: Shape = {
  required: ["label", "url", "version", "arch", "sharable"],
  optional: [
    ...["public", "description", "documentation", "matchHardware", "requiredServices", "userInput"],
    ...["deployment", "deploymentSignature", "clusterDeployment", "clusterDeploymentSignature"],
    "imageStore",
  ],
  parts: {
    requiredServices: { required: ["url", "org", "arch"], optional: ["version", "versionRange"] },
  },
};
const servicePolicy: Shape = {
  required: [],
  optional: ["label", "description", "properties", "constraints"],
  parts: { properties: property },
};
const deploymentPolicy: Shape = {
  required: ["label", "service"],
  optional: ["description", "userInput", "secretBinding", "properties", "constraints"],
  parts: {
    service: {
      required: ["name", "org", "arch", "serviceVersions"],
      optional: ["nodeHealth", "clusterNamespace"],
      parts: {
        serviceVersions: { required: ["version"], optional: ["priority", "upgradePolicy"] },
      },
    },
    userInput,
    secretBinding,
    properties: property,
  },
};
const pattern: Shape = {
  required: ["label", "services"],
  optional: [
    ...["description", "public", "userInput", "secretBinding", "agreementProtocols"],
    "clusterNamespace",
  ],
  parts: {
    services: {
      required: ["serviceUrl", "serviceOrgid", "serviceArch", "serviceVersions"],
      optional: ["agreementLess", "dataVerification", "nodeHealth"],
      parts: {
        serviceVersions: {
          required: ["version"],
          optional: [
            ...["deployment_overrides", "deployment_overrides_signature", "priority"],
            "upgradePolicy",
          ],
        },
      },
    },
    userInput,
    secretBinding,
  },
};
const terms: Shape = {
  required: [],
  optional: ["properties", "constraints"],
  parts: { properties: property },
};
const nodePolicy: Shape = {
  required: [],
  optional: [
    ...["label", "description", "properties", "constraints", "deployment", "management"],
    "nodePolicyVersion",
  ],
  parts: { properties: property, deployment: terms, management: terms },
};
const nodeStatus: Shape = {
  required: ["services"],
  optional: ["connectivity"],
  parts: {
    services: {
      required: ["agreementId", "serviceUrl", "orgid", "version", "arch", "containerStatus"],
      optional: ["operatorStatus", "configState"],
      parts: { containerStatus: { required: ["name", "image", "created", "state"], optional: [] } },
    },
  },
};

const sharables = ["singleton", "single", "exclusive", "multiple"];
const propertyTypes = ["float", "string", "version", "boolean", "int", "list of strings"];

/** The ids of the existing services: org/name_version_arch. */
export type ServiceIds = Iterable<string>;

/** @param id in the path; undefined for a new service */
export function serviceProblem(
  body: unknown,
  id: string | undefined,
  ids: ServiceIds,
): string | undefined {
  const problem = shapeProblem(body, service);
  if (problem !== undefined || !isObject(body)) return problem;
  const { documentation, version, arch, sharable, deployment, deploymentSignature } = body;
  if (documentation && !URL.canParse(String(documentation)))
    return "the 'documentation' field is not valid URL format.";
  if (!isVersion(version)) return `version '${version}' is not valid version format.`;
  if (arch === "") return "arch can not be empty.";
  if (id !== undefined && serviceId(body) !== id)
    return "the service id specified in the URL does not match the url, version, and arch in the body.";
  if (!sharables.includes(String(sharable)))
    return `invalid value '${sharable}' for the sharable attribute.`;
  const required = objects(body["requiredServices"]);
  for (const { url, arch: other, version: one, versionRange } of required) {
    if (one === undefined && versionRange === undefined)
      return `required service '${url}' does not contain a versionRange`;
    if (other !== arch)
      return `required service '${url}' has arch '${other}', which is different than this service's arch '${arch}'`;
  }
  if (deployment && !deploymentSignature) return "this service definition is not signed.";
  const known = [...ids];
  const absent = required.find((one) => !known.some((id) => isRequired(one, id)));
  return absent === undefined
    ? undefined
    : `the following required service does not exist in the exchange: org= ${absent["org"]}, url= ${absent["url"]}`;
}

function isRequired({ org, url, arch, version, versionRange }: JsonObject, id: string): boolean {
  const [before, after] = [`${org}/${url}_`, `_${arch}`];
  if (!id.startsWith(before) || !id.endsWith(after)) return false;
  return versionIn(id.slice(before.length, -after.length), String(versionRange ?? version));
}

export function servicePolicyProblem(body: unknown): string | undefined {
  return shapeProblem(body, servicePolicy) ?? propertyProblem(body);
}

/** Property types and constraints are not checked. */
export function deploymentPolicyProblem(body: unknown, ids: ServiceIds): string | undefined {
  const problem = shapeProblem(body, deploymentPolicy);
  if (problem !== undefined || !isObject(body) || !isObject(body["service"])) return problem;
  const { name: url, org, arch } = body["service"];
  const versions = objects(body["service"]["serviceVersions"]).map(({ version }) => version);
  if (versions.length === 0) return "no versions specified for service";
  const wrong = versions.find((version) => !isVersion(version));
  if (wrong !== undefined) return `version '${wrong}' is not valid version format.`;
  const any = arch === "*" || arch === "" ? "%" : String(arch);
  const placed = versions.map((version) => ({
    reference: { org, url, version, arch },
    id: idPattern(String(org), String(url), String(version), any),
  }));
  return referenceProblem([...placed, ...inputReferences(body)], ids);
}

/**
 * For an organisation that is not IBM's. Each architecture has an element of its own: there is no wildcard.
 */
export function patternProblem(body: unknown, ids: ServiceIds): string | undefined {
  const problem = shapeProblem(body, pattern);
  if (problem !== undefined || !isObject(body)) return problem;
  const services = objects(body["services"]);
  if (services.length === 0)
    return "No services were found in the pattern or the services field was left empty";
  const placed: Reference[] = [];
  for (const {
    serviceOrgid: org,
    serviceUrl: url,
    serviceArch: arch,
    serviceVersions,
  } of services) {
    const versions = objects(serviceVersions);
    if (versions.length === 0)
      return `no versions specified for service '${org}', '${url}', '${arch}'`;
    for (const { version, deployment_overrides: overrides, ...rest } of versions) {
      if (!isVersion(version)) return `version '${version}' is not valid version format.`;
      if (overrides && !rest["deployment_overrides_signature"])
        return "this pattern definition is not signed.";
      const id = idPattern(String(org), String(url), String(version), String(arch));
      placed.push({ reference: { org, url, version, arch }, id });
    }
  }
  const missing = referenceProblem([...placed, ...inputReferences(body)], ids);
  if (missing !== undefined) return missing;
  return body["public"] === true ? "only IBM patterns can be made public" : undefined;
}

export function nodeStatusProblem(body: unknown): string | undefined {
  return shapeProblem(body, nodeStatus);
}

export function nodePolicyProblem(body: unknown): string | undefined {
  const problem = shapeProblem(body, nodePolicy);
  if (problem !== undefined || !isObject(body)) return problem;
  const parts = [body, body["deployment"], body["management"]];
  return parts.map(propertyProblem).find((one) => one !== undefined);
}

/** A service that must exist: how the message names it if it does not, and the id that is looked up. */
interface Reference {
  readonly reference: Readonly<Record<"org" | "url" | "version" | "arch", unknown>>;
  readonly id: RegExp;
}

/**
 * The services that userInput refers to. Only an empty architecture means any: `*` is looked up as it is. Of version ranges only
 * one that holds a single version counts, and that is looked up in a form that no id has.
 */
function inputReferences({ userInput: inputs }: JsonObject): Reference[] {
  return objects(inputs).map((input) => {
    const { serviceOrgid: org, serviceUrl: url } = input;
    const arch = String(input["serviceArch"] ?? "");
    const range = String(input["serviceVersionRange"] ?? "");
    const single = singleVersion(range);
    const version = single === undefined ? "%" : `Some(${single})`;
    return {
      reference: { org, url, version: input["serviceVersionRange"] ?? "[0.0.0,INFINITY)", arch },
      id: idPattern(String(org), String(url), version, arch === "" ? "%" : arch),
    };
  });
}

function referenceProblem(references: readonly Reference[], ids: ServiceIds): string | undefined {
  const known = [...ids];
  const missing = references.find(({ id }) => !known.some((one) => id.test(one)));
  if (missing === undefined) return undefined;
  const { org, url, version, arch } = missing.reference;
  return `the following referenced service does not exist in the exchange: org= ${org}, url= ${url}, version= ${version}, arch= ${arch}`;
}

function propertyProblem(body: unknown): string | undefined {
  const types = objects(isObject(body) ? body["properties"] : []).map(({ type }) => type);
  const wrong = types.find((type) => type !== undefined && !propertyTypes.includes(String(type)));
  return wrong === undefined
    ? undefined
    : `The properties.type value '${wrong}' must be 1 of: ${propertyTypes.join(", ")}`;
}

/** Unknown and missing fields are refused, at any depth. */
function shapeProblem(value: unknown, shape: Shape): string | undefined {
  if (!isObject(value)) return "Cannot deserialize value";
  const known = [...shape.required, ...shape.optional];
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) return `Unrecognized field "${unknown}"`;
  const missing = shape.required.find((key) => value[key] === undefined || value[key] === null);
  if (missing !== undefined) return "requirement failed";
  const odd = Object.keys(value).find((key) => !isOfKind(key, value[key], shape));
  if (odd !== undefined) return "Cannot deserialize value";
  for (const [key, part] of Object.entries(shape.parts ?? {})) {
    const held = value[key];
    for (const one of Array.isArray(held) ? held : isObject(held) ? [held] : []) {
      const problem = shapeProblem(one, part);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** Fields that hold a list; `parts` has the shape of its elements. */
const lists = new Set([
  ...["constraints", "properties", "userInput", "secretBinding", "serviceVersions", "inputs"],
  ...["secrets", "requiredServices", "containerStatus", "agreementProtocols"],
]);
/** Fields that hold an object; `service` and `services` are recognized by their content. */
const maps = new Set([
  ...["nodeHealth", "priority", "upgradePolicy", "matchHardware", "imageStore", "connectivity"],
  "dataVerification",
]);

function isOfKind(key: string, value: unknown, shape: Shape): boolean {
  if (value === undefined || value === null || key === "value") return true;
  if (lists.has(key) || key === "services") return Array.isArray(value);
  if (maps.has(key) || shape.parts?.[key] !== undefined) return isObject(value);
  return typeof value !== "object";
}

/** One to three numbers, or infinity. */
function isVersion(value: unknown): boolean {
  return /^\s*(?:\d+(?:\.\d+){0,2}|infinity)\s*$/i.test(String(value));
}

/** The id that the Exchange gives to a service, without its organisation. */
export function serviceId(body: unknown): string {
  const { url, version, arch } = isObject(body) ? body : {};
  const name = String(url).replace(/^[A-Za-z0-9+.-]*?:\/\//, "");
  return `${name.replace(/[$!*,;/?@&~=%]/g, "-")}_${version}_${arch}`;
}

function objects(value: unknown): JsonObject[] {
  return (Array.isArray(value) ? value : []).filter(isObject);
}
