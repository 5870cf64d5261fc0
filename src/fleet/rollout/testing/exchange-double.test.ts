import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ExchangeDouble } from "./exchange-double.js";

const service = {
  label: "Slipstream",
  public: true,
  url: "slipstream",
  version: "1.0.0",
  arch: "amd64",
  sharable: "singleton",
  deployment: "{}",
  deploymentSignature: "signed",
};
const policy = {
  label: "policy",
  service: {
    name: "slipstream",
    org: "myorg",
    arch: "*",
    serviceVersions: [{ version: "1.0.0" }],
  },
  constraints: ["a == 1"],
};
const policies = "orgs/myorg/business/policies";

describe("the Exchange double", () => {
  let exchange: ExchangeDouble;
  before(async () => {
    exchange = await ExchangeDouble.start();
  });
  after(() => exchange.stop());

  async function ask(method: string, path: string, body?: unknown, user = "myorg/me:pw") {
    const response = await fetch(`${exchange.url}/${path}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from(user).toString("base64")}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text };
  }

  it("tells its version to anybody, and knows who asks for more", async () => {
    assert.match((await ask("GET", "admin/version")).text, /^2\.154\.0/);
    const wrong = await ask("GET", "orgs/myorg/services", undefined, "myorg/me:no");
    assert.equal(wrong.status, 401);
    assert.match(wrong.text, /"invalid-credentials"/);
  });

  it("answers an empty list with 404 and its wrapper", async () => {
    assert.deepEqual(await ask("GET", "orgs/myorg/services?url=nobody"), {
      status: 404,
      text: '{"services":{},"lastIndex":0}',
    });
    const one = await ask("GET", "orgs/myorg/services/nobody_1.0.0_amd64");
    assert.match(one.text, /service 'myorg\/nobody_1.0.0_amd64' not found/);
  });

  for (const [what, change, said] of [
    ["a field that it does not know", { owner: "me" }, /Unrecognized field \\"owner\\"/],
    ["a version with a suffix", { version: "1.0.0-rc1" }, /'1.0.0-rc1' is not valid version/],
    ["no arch", { arch: "" }, /arch can not be empty/],
    ["a word that is no sharable", { sharable: "singl" }, /invalid value 'singl'/],
    ["documentation that is no URL", { documentation: "read me" }, /not valid URL format/],
    ["no signature", { deploymentSignature: "" }, /is not signed/],
    ["a deployment that is no text", { deployment: {} }, /Cannot deserialize value/],
    ["a label that is missing", { label: undefined }, /requirement failed/],
    [
      "a required service that is not there",
      {
        requiredServices: [
          { url: "other", org: "myorg", arch: "amd64", versionRange: "[1.0.0,2.0.0)" },
        ],
      },
      /required service does not exist in the exchange: org= myorg, url= other/,
    ],
  ] as const) {
    it(`refuses a service with ${what}`, async () => {
      const { status, text } = await ask("POST", "orgs/myorg/services", { ...service, ...change });
      assert.equal(status, 400);
      assert.match(text, said);
    });
  }

  it("keeps a service once, and replaces it when it is put", async () => {
    const post = () => ask("POST", "orgs/myorg/services", service);
    assert.deepEqual([(await post()).status, (await post()).status], [201, 403]);
    const path = "orgs/myorg/services/slipstream_1.0.0_amd64";
    assert.equal((await ask("PUT", path, { ...service, label: "Other" })).status, 201);
    assert.match((await ask("GET", path)).text, /"label":"Other"/);
    assert.equal((await ask("PUT", path, { ...service, version: "2.0.0" })).status, 400);
  });

  it("refuses a policy of a version that is not there", async () => {
    const { service: placed } = policy;
    const other = { ...policy, service: { ...placed, serviceVersions: [{ version: "9.0.0" }] } };
    const absent = await ask("POST", `${policies}/p`, other);
    assert.equal(absent.status, 400);
    assert.match(
      absent.text,
      /does not exist in the exchange: org= myorg, url= slipstream, version= 9.0.0, arch= \*/,
    );
    const empty = { ...policy, service: { ...placed, serviceVersions: [] } };
    assert.match((await ask("POST", `${policies}/p`, empty)).text, /no versions specified/);
  });

  const reference = { serviceOrgid: "myorg", serviceUrl: "slipstream", inputs: [] };
  for (const [what, change, status] of [
    ["no architecture", {}, 201],
    ["an empty architecture", { serviceArch: "" }, 201],
    ["the architecture of a service", { serviceArch: "amd64" }, 201],
    ["a star for the architecture", { serviceArch: "*" }, 400],
    ["a range of versions that are not there", { serviceVersionRange: "[7.0.0,8.0.0)" }, 201],
    ["a range that is one version", { serviceVersionRange: "[1.0.0,1.0.0]" }, 400],
    ["a service that is not there", { serviceUrl: "other" }, 400],
  ] as const) {
    it(`answers ${status} to userInput with ${what}, in a policy and in a pattern`, async () => {
      const userInput = [{ ...reference, ...change }];
      const place = { serviceUrl: "slipstream", serviceOrgid: "myorg", serviceArch: "amd64" };
      const services = [{ ...place, serviceVersions: [{ version: "1.0.0" }] }];
      const pattern = { label: "pattern", services, userInput };
      for (const [path, body] of [
        [`${policies}/with-input`, { ...policy, userInput }],
        ["orgs/myorg/patterns/with-input", pattern],
      ] as const) {
        const answer = await ask("POST", path, body);
        assert.equal(answer.status, status, answer.text);
        if (status === 201) await ask("DELETE", path);
      }
    });
  }

  for (const [what, change, said] of [
    ["any architecture", { serviceArch: "*" }, /version= 1\.0\.0, arch= \*/],
    ["an architecture without a service", { serviceArch: "arm64" }, /arch= arm64/],
    ["no versions", { serviceVersions: [] }, /no versions specified for service/],
  ] as const) {
    it(`refuses a pattern with ${what}`, async () => {
      const place = { serviceUrl: "slipstream", serviceOrgid: "myorg", serviceArch: "amd64" };
      const services = [{ ...place, serviceVersions: [{ version: "1.0.0" }], ...change }];
      const answer = await ask("POST", "orgs/myorg/patterns/p", { label: "pattern", services });
      assert.equal(answer.status, 400);
      assert.match(answer.text, said);
    });
  }

  it("keeps a pattern to the organisation, makes it once, and changes only what is there", async () => {
    const place = { serviceUrl: "slipstream", serviceOrgid: "myorg", serviceArch: "amd64" };
    const pattern = {
      label: "pattern",
      services: [{ ...place, serviceVersions: [{ version: "1.0.0" }] }],
    };
    const path = "orgs/myorg/patterns/p";
    const open = await ask("POST", path, { ...pattern, public: true });
    assert.match(open.text, /only IBM patterns can be made public/);
    const statuses = [];
    for (const method of ["PUT", "POST", "POST", "PUT", "DELETE", "DELETE"]) {
      statuses.push((await ask(method, path, pattern)).status);
    }
    assert.deepEqual(statuses, [404, 201, 403, 201, 204, 404]);
  });

  it("keeps no key of a service that is not there", async () => {
    const key = "services/nobody_1.0.0_amd64/keys/default.public.key";
    assert.equal((await ask("PUT", `orgs/myorg/${key}`, "PEM")).status, 500);
  });

  it("knows the fields of a node policy and the types of its properties", async () => {
    exchange.nodes.set("myorg/node", { arch: "amd64" });
    const put = async (body: object) =>
      (await ask("PUT", "orgs/myorg/nodes/node/policy", body)).text;
    const property = { name: "a", value: 1, type: "number" };
    assert.match(await put({ deployment: { properties: [property] } }), /value 'number' must be/);
    assert.match(await put({ service: {} }), /Unrecognized field/);
    assert.match(await put({ properties: [{ ...property, type: "int" }] }), /"ok"/);
  });

  it("keeps what a node says of itself, and refuses what it does not know", async () => {
    exchange.nodes.set("myorg/node", { arch: "amd64" });
    const container = { name: "/a-agent", image: "a", created: 1, state: "running" };
    const running = {
      ...{ agreementId: "a", serviceUrl: "slipstream", orgid: "myorg" },
      ...{ version: "1.0.0", arch: "amd64", containerStatus: [container] },
    };
    const path = "orgs/myorg/nodes/node/status";
    assert.equal((await ask("GET", path)).status, 404);
    const odd = { services: [{ ...running, containerStatus: [{ ...container, health: "good" }] }] };
    assert.match((await ask("PUT", path, odd)).text, /Unrecognized field \\"health\\"/);
    assert.equal((await ask("PUT", path, { services: [running] })).status, 201);
    assert.match((await ask("GET", path)).text, /"state":"running".*"lastUpdated":"2/);
    assert.equal((await ask("PUT", "orgs/myorg/nodes/other/status", odd)).status, 500);
  });

  it("does not take back what it gives out: owner and times are its own", async () => {
    assert.equal((await ask("PUT", `${policies}/p`, policy)).status, 404);
    assert.equal((await ask("POST", `${policies}/p`, policy)).status, 201);
    assert.equal((await ask("POST", `${policies}/p`, policy)).status, 403);
    const { businessPolicy } = JSON.parse((await ask("GET", `${policies}/p`)).text);
    assert.equal((await ask("PUT", `${policies}/p`, businessPolicy["myorg/p"])).status, 400);
    assert.equal((await ask("PUT", `${policies}/p`, policy)).status, 201);
    assert.equal((await ask("DELETE", `${policies}/p`)).status, 204);
  });
});
