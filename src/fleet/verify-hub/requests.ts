// Further requests to record: bodies that the Exchange refuses, and similar ones that it accepts.

import { isObject } from "../../common/json/document.js";
import {
  EXCHANGE_NODE,
  EXCHANGE_NODE_POLICY,
  NAME,
  NODE,
  runningStatus,
} from "./verify-workspace.js";

interface HubRequest {
  readonly method: string;
  /** Below the organisation. */
  readonly path: string;
  readonly body?: unknown;
}

/** To be sent in this order, to a hub that has nothing under these names; the last ones remove everything again. */
export function requests(org: string, nowMs: number): HubRequest[] {
  const other = `${NAME}-other`;
  const service = (change: object = {}): object => ({
    label: other,
    public: false,
    url: other,
    version: "1.0.0",
    arch: "amd64",
    sharable: "singleton",
    userInput: [],
    deployment: '{"services":{}}',
    deploymentSignature: "signed",
    ...change,
  });
  const post = (path: string, body: unknown): HubRequest => ({ method: "POST", path, body });
  const put = (path: string, body: unknown): HubRequest => ({ method: "PUT", path, body });
  const get = (path: string): HubRequest => ({ method: "GET", path });
  const remove = (path: string): HubRequest => ({ method: "DELETE", path });
  const required = (change: object) => [
    { url: other, org, arch: "amd64", versionRange: "[1.0.0,2.0.0)", ...change },
  ];
  const services = [
    { documentation: "read me" },
    { version: "1.0.0-rc1" },
    { version: "v1" },
    { arch: "" },
    { sharable: "singl" },
    { deploymentSignature: "" },
    { deployment: {} },
    { label: undefined },
    { owner: "me" },
    { userInput: {} },
    { requiredServices: required({}) },
    { requiredServices: required({ arch: "arm64" }) },
    { requiredServices: required({ versionRange: undefined }) },
  ].map((change) => post("services", service(change)));

  const policies = "business/policies";
  const placed = { name: other, org, arch: "*", serviceVersions: [{ version: "1.0.0" }] };
  const policy = (change: object = {}): object => ({
    label: other,
    service: placed,
    constraints: ["slipstream.verify == true"],
    ...change,
  });
  const input = (change: object) => [
    { serviceOrgid: org, serviceUrl: other, inputs: [{ name: "A", value: "b" }], ...change },
  ];
  const binding = (change: object) => [
    { serviceOrgid: org, serviceUrl: other, secrets: [{ a: "b" }], ...change },
  ];
  const pattern = (change: object = {}, place: object = {}): object => ({
    label: other,
    services: [
      {
        serviceUrl: other,
        serviceOrgid: org,
        serviceArch: "amd64",
        serviceVersions: [{ version: "1.0.0" }],
        ...place,
      },
    ],
    ...change,
  });
  const inputs = [
    { serviceArch: "*" },
    { serviceArch: "" },
    {},
    { serviceArch: "amd64" },
    { serviceArch: "arm64" },
    { serviceVersionRange: "" },
    { serviceVersionRange: "[0.0.0,INFINITY)" },
    { serviceVersionRange: "[7.0.0,8.0.0)" },
    { serviceVersionRange: "1.0.0" },
    { serviceVersionRange: "[1.0.0,1.0.0]" },
    { serviceVersionRange: "nonsense" },
    { serviceUrl: `${NAME}-nowhere` },
    { inputs: undefined },
    { type: "string" },
  ];
  const changes: object[] = [
    { owner: `${org}/me` },
    { label: undefined },
    { service: { ...placed, serviceVersions: [] } },
    { service: { ...placed, serviceVersions: [{ version: "9.0.0" }] } },
    { service: { ...placed, serviceVersions: [{ version: "1.0.0-rc1" }] } },
    { service: { ...placed, serviceVersions: [{ version: "1.0.0", priority: [] }] } },
    { service: { ...placed, arch: "" } },
    { service: { ...placed, arch: "arm64" } },
    { service: { ...placed, arch: undefined } },
    { properties: [{ name: "a", value: 1, type: "number" }] },
    { properties: [{ name: "a" }] },
    { constraints: ["a = = b"] },
    { constraints: "a == b" },
    ...inputs.map((change) => ({ userInput: input(change) })),
    { secretBinding: binding({}) },
    { secretBinding: binding({ serviceArch: "*" }) },
    { secretBinding: binding({ serviceUrl: `${NAME}-nowhere` }) },
    { secretBinding: binding({ enableNodeLevelSecrets: true, serviceVersionRange: "" }) },
    { secretBinding: binding({ secrets: { a: "b" } }) },
    { secretBinding: binding({ secrets: undefined }) },
  ];
  const patterns: object[] = [
    pattern({ public: true }),
    pattern({ owner: "me" }),
    pattern({ services: [] }),
    pattern({ services: undefined }),
    pattern({}, { serviceArch: "*" }),
    pattern({}, { serviceArch: "arm64" }),
    pattern({}, { serviceVersions: [] }),
    pattern({}, { serviceVersions: [{ version: "9.0.0" }] }),
    pattern({}, { serviceVersions: [{ version: "1.0.0", deployment_overrides: "{}" }] }),
    ...inputs.map((change) => pattern({ userInput: input(change) })),
    pattern({ secretBinding: binding({ serviceArch: "*" }) }),
  ];
  const name = `${other}_1.0.0_amd64`;
  /** What was accepted is removed again, so that the next request meets the same hub. */
  const each = (path: string, bodies: readonly unknown[]) =>
    bodies.flatMap((body) => [post(path, body), remove(path)]);

  return [
    get(`services?url=${other}`),
    get(`services/${name}`),
    get(`services/${name}/policy`),
    get(`services/${name}/keys`),
    put(`services/${name}/keys/default.public.key`, "-----BEGIN PUBLIC KEY-----"),
    put(`services/${name}`, service()),
    put(`services/${name}/policy`, {}),
    remove(`services/${name}`),
    ...services,
    post("services", service()),
    post("services", service()),
    put(`services/${name}`, service({ version: "2.0.0" })),
    put(`services/${name}`, service({ label: "Other" })),
    get(`services?url=${other}&version=1.0.0`),
    get(`services?url=${other}&version=1.0.0&arch=amd64`),
    get(`services?url=${other}&version=1.0.0&arch=*`),
    get(`services?url=${other}&version=2.0.0`),
    put(`services/${name}/policy`, { properties: [{ name: "a", value: 1, type: "number" }] }),
    put(`services/${name}/policy`, { owner: "me" }),
    put(`services/${name}/policy`, { constraints: ["a == 1"], properties: [] }),
    get(`services/${name}/policy`),
    put(`services/${name}/keys/default.public.key`, "-----BEGIN PUBLIC KEY-----"),
    get(`services/${name}/keys`),

    get(`${policies}/${other}`),
    put(`${policies}/${other}`, policy()),
    remove(`${policies}/${other}`),
    ...each(
      `${policies}/${other}`,
      changes.map((change) => policy(change)),
    ),
    post(`${policies}/${other}`, policy()),
    post(`${policies}/${other}`, policy()),
    put(`${policies}/${other}`, policy({ userInput: input({ serviceArch: "*" }) })),
    put(`${policies}/${other}`, policy({ label: "Other" })),
    get(`${policies}/${other}`),
    remove(`${policies}/${other}`),

    get(`patterns/${other}`),
    put(`patterns/${other}`, pattern()),
    put(`patterns/${other}/keys/default.public.key`, "-----BEGIN PUBLIC KEY-----"),
    remove(`patterns/${other}`),
    ...each(`patterns/${other}`, patterns),
    post(`patterns/${other}`, pattern()),
    post(`patterns/${other}`, pattern()),
    put(`patterns/${other}`, pattern({ label: "Other" })),
    get(`patterns/${other}`),
    remove(`patterns/${other}`),

    get(`nodes/${NODE}`),
    get(`nodes/${NODE}/policy`),
    get(`nodes/${NODE}/status`),
    put(`nodes/${NODE}/policy`, EXCHANGE_NODE_POLICY),
    put(`nodes/${NODE}/status`, runningStatus(org, "1.0.0", nowMs)),
    put(`nodes/${NODE}`, EXCHANGE_NODE),
    put(`nodes/${NODE}/policy`, { properties: [{ name: "a", value: 1, type: "number" }] }),
    put(`nodes/${NODE}/policy`, {
      deployment: { properties: [{ name: "a", value: 1, type: "number" }] },
    }),
    put(`nodes/${NODE}/policy`, { service: {} }),
    put(`nodes/${NODE}/policy`, EXCHANGE_NODE_POLICY),
    get(`nodes/${NODE}/policy`),
    put(`nodes/${NODE}/status`, {}),
    put(`nodes/${NODE}/status`, withHealth(runningStatus(org, "1.0.0", nowMs))),
    put(`nodes/${NODE}/status`, runningStatus(org, "1.0.0", nowMs)),
    get(`nodes/${NODE}/status`),
    get(`nodes/${NODE}`),
    remove(`nodes/${NODE}`),
    get(`nodes/${NODE}`),

    remove(`services/${name}`),
    get(`services/${name}`),
    get(`services/${name}/keys`),
  ];
}

/** With a field that the status of a container does not have. */
function withHealth(status: ReturnType<typeof runningStatus>): object {
  return {
    ...status,
    services: status.services.map((service) => ({
      ...service,
      containerStatus: service.containerStatus.map((one) => ({ ...one, health: "good" })),
    })),
  };
}

/** A body as it is sent: without what is undefined. */
export function withoutUndefined(body: unknown): unknown {
  return isObject(body) ? JSON.parse(JSON.stringify(body)) : body;
}
