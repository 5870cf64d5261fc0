import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConstraint } from "./constraint-parser.js";
import { type Catalogue, inOrderOfTrial, makeDeployment, place } from "./placement.js";
import type { DeploymentPolicy, NodePolicy, Service, ServiceVersion } from "./policies.js";

const versions: ServiceVersion[] = [
  { version: "1.0.0", priority: 2 },
  { version: "2.0.0", priority: 1 },
];

function policy(changes: Partial<DeploymentPolicy> = {}): DeploymentPolicy {
  const service = { org: "myorg", name: "slipstream", arch: "*", versions };
  return { name: "policy", properties: [], constraints: [], service, ...changes };
}

function service(version: string, arch: string): Service {
  return { org: "myorg", url: "slipstream", version, arch, isPrivileged: false };
}

function node(constraints: string[] = []): NodePolicy {
  return { id: "n", properties: [], constraints: constraints.map((text) => parseConstraint(text)) };
}

const everything: Catalogue = { services: undefined, servicePolicies: new Map() };

function placed(catalogue: Catalogue, constraints: string[], arch: string | undefined): string {
  const placement = place(makeDeployment(policy(), catalogue), node(constraints), arch);
  if (placement.t === "placed") return `${placement.variant.version} ${placement.variant.arch}`;
  return placement.rejected.map(({ version, why }) => `${version} ${why.t}`).join(", ");
}

describe("the order of trial", () => {
  const order = (...priorities: number[]): string[] =>
    inOrderOfTrial(priorities.map((priority, i) => ({ version: `${i}`, priority }))).map(
      ({ version }) => version,
    );

  it("begins with the lowest number", () => {
    assert.deepEqual(order(3, 1, 2), ["1", "2", "0"]);
  });
  it("leaves out the second of two versions with one number", () => {
    assert.deepEqual(order(2, 1, 1), ["1", "0"]);
  });
  it("is the first version without a number alone", () => {
    assert.deepEqual(order(1, 0, 0), ["1"]);
  });
});

describe("a node", () => {
  it("gets the version with the lowest priority number", () => {
    assert.equal(placed(everything, [], undefined), "2.0.0 undefined");
  });

  it("gets the next version if it refuses the first", () => {
    const range = ["openhorizon.service.version in [1.0.0,2.0.0)"];
    assert.equal(placed(everything, range, undefined), "1.0.0 undefined");
  });

  it("gets the definition of its own architecture", () => {
    const services = [service("2.0.0", "amd64"), service("2.0.0", "arm64")];
    assert.equal(placed({ ...everything, services }, [], "arm64"), "2.0.0 arm64");
  });

  it("gets nothing if the first version does not exist for it, whatever comes next", () => {
    const services = [service("2.0.0", "amd64"), service("1.0.0", "arm64")];
    assert.equal(placed({ ...everything, services }, [], "arm64"), "2.0.0 no-service");
  });

  it("gets a variant of any architecture if its own is not known", () => {
    const services = [service("2.0.0", "arm64")];
    assert.equal(placed({ ...everything, services }, [], undefined), "2.0.0 arm64");
  });

  it("must meet the service policy of its architecture", () => {
    const servicePolicies = new Map([
      ["amd64", { properties: [], constraints: [parseConstraint("board == t4")] }],
      ["arm64", { properties: [], constraints: [] }],
    ]);
    const catalogue = { ...everything, servicePolicies };
    assert.equal(placed(catalogue, [], "amd64"), "2.0.0 node-lacks, 1.0.0 node-lacks");
    assert.equal(placed(catalogue, [], "arm64"), "2.0.0 arm64");
  });

  it("must meet the common service policy only if its architecture has none of its own", () => {
    const servicePolicies = new Map([
      ["amd64", { properties: [], constraints: [parseConstraint("board == t4")] }],
      [undefined, { properties: [], constraints: [] }],
    ]);
    const catalogue = { ...everything, servicePolicies };
    assert.equal(placed(catalogue, [], "amd64"), "2.0.0 node-lacks, 1.0.0 node-lacks");
    assert.equal(placed(catalogue, [], "arm64"), "2.0.0 undefined");
  });
});
