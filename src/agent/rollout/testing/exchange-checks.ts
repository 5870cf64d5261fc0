/** What the Exchange 2.154.0 refuses in a body, in its own words. Undefined: taken. */

import { isObject, type JsonObject } from "../../policy/document.js";

/** The fields of an object, and what each holds: nothing more to know of it, an object, or a list of objects. */
interface Shape {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly parts?: Readonly<Record<string, Shape>>;
}

const property: Shape = { required: ["name", "value"], optional: ["type"] };
const userInput: Shape = {
  required: ["serviceOrgid", "serviceUrl", "inputs"],
  optional: ["serviceArch", "serviceVersionRange"],
  parts: { inputs: { required: ["name", "value"], optional: [] } },
};
const secretBinding: Shape = {
  required: ["serviceOrgid", "serviceUrl", "secrets"],
  optional: ["serviceArch", "serviceVersionRange", "enableNodeLevelSecrets"],
};

const service: Shape = {
  required: ["label", "public", "url", "version", "arch", "sharable"],
  optional: [
    ...["description", "documentation", "matchHardware", "requiredServices", "userInput"],
    ...["deployment", "deploymentSignature", "clusterDeployment", "clusterDeploymentSignature"],
    "imageStore",
  ],
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

/** Whether a service of this org, name, version and arch is there; arch `*` stands for any. */
export type ServiceExists = (org: string, url: string, version: string, arch: string) => boolean;

export function serviceProblem(body: unknown): string | undefined {
  const problem = shapeProblem(body, service);
  if (problem !== undefined || !isObject(body)) return problem;
  const { documentation, version, arch, sharable, deployment, deploymentSignature } = body;
  if (documentation && !URL.canParse(String(documentation)))
    return "the 'documentation' field is not valid URL format.";
  if (!isVersion(version)) return `version '${version}' is not valid version format.`;
  if (arch === "") return "arch can not be empty.";
  if (!sharables.includes(String(sharable)))
    return `invalid value '${sharable}' for the sharable attribute.`;
  if (deployment !== undefined && typeof deployment !== "string")
    return "No usable value for deployment";
  if (deployment && !deploymentSignature) return "this service definition is not signed.";
  return undefined;
}

export function servicePolicyProblem(body: unknown): string | undefined {
  return shapeProblem(body, servicePolicy) ?? propertyProblem(body);
}

export function deploymentPolicyProblem(
  name: string,
  body: unknown,
  exists: ServiceExists,
): string | undefined {
  const problem = shapeProblem(body, deploymentPolicy) ?? propertyProblem(body);
  if (problem !== undefined || !isObject(body) || !isObject(body["service"])) return problem;
  const { name: url, org, arch } = body["service"];
  const versions = objects(body["service"]["serviceVersions"]).map(({ version }) => version);
  if (versions.length === 0) return "no versions specified for service";
  const wrong = versions.find((version) => !isVersion(version));
  if (wrong !== undefined) return `version '${wrong}' is not valid version format.`;
  const references = [
    ...versions.map((version) => [org, url, version, arch]),
    ...objects(body["userInput"]).map((input) => [
      ...[input["serviceOrgid"], input["serviceUrl"], "", input["serviceArch"] ?? "*"],
    ]),
  ].map((parts) => parts.map(String));
  const missing = references.find(
    ([o = "", u = "", v = "", a = ""]) => !exists(o, u, v, a === "" ? "*" : a),
  );
  if (missing === undefined) return undefined;
  const [o, u, v, a] = missing;
  return `business policy '${name}' not created: the following referenced service does not exist in the exchange: org= ${o}, url= ${u}, version= ${v}, arch= ${a}`;
}

export function patternProblem(body: unknown): string | undefined {
  const problem = shapeProblem(body, pattern);
  if (problem !== undefined || !isObject(body)) return problem;
  return objects(body["services"]).length > 0 ? undefined : "no services defined in this pattern";
}

export function nodeStatusProblem(body: unknown): string | undefined {
  return shapeProblem(body, nodeStatus);
}

export function nodePolicyProblem(body: unknown): string | undefined {
  return propertyProblem(body);
}

function propertyProblem(body: unknown): string | undefined {
  const types = objects(isObject(body) ? body["properties"] : []).map(({ type }) => type);
  const wrong = types.find((type) => type !== undefined && !propertyTypes.includes(String(type)));
  return wrong === undefined
    ? undefined
    : `property type '${wrong}' must be one of ${propertyTypes.join(", ")}`;
}

/** An unknown field is refused, at any depth, as much as a missing one. */
function shapeProblem(value: unknown, shape: Shape): string | undefined {
  if (!isObject(value)) return "Expected an object";
  const missing = shape.required.find((key) => value[key] === undefined || value[key] === null);
  if (missing !== undefined) return `No usable value for ${missing}`;
  const known = [...shape.required, ...shape.optional];
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) return `Unrecognized field "${unknown}"`;
  for (const [key, part] of Object.entries(shape.parts ?? {})) {
    const held = value[key];
    for (const one of Array.isArray(held) ? held : isObject(held) ? [held] : []) {
      const problem = shapeProblem(one, part);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function isVersion(value: unknown): boolean {
  return typeof value === "string" && /^\d+(\.\d+){0,2}$/.test(value);
}

function objects(value: unknown): JsonObject[] {
  return (Array.isArray(value) ? value : []).filter(isObject);
}
