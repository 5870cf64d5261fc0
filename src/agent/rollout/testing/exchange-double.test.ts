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
    ["a deployment that is no text", { deployment: {} }, /No usable value for deployment/],
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

  it("refuses a policy of a version that is not there, and of a property type that is none", async () => {
    const { service: placed } = policy;
    const other = { ...policy, service: { ...placed, serviceVersions: [{ version: "9.0.0" }] } };
    const absent = await ask("POST", `${policies}/p`, other);
    assert.equal(absent.status, 400);
    assert.match(
      absent.text,
      /does not exist in the exchange: org= myorg, url= slipstream, version= 9.0.0, arch= \*/,
    );
    const property = { name: "a", value: 1, type: "number" };
    assert.equal(
      (await ask("POST", `${policies}/p`, { ...policy, properties: [property] })).status,
      400,
    );
    const empty = { ...policy, service: { ...placed, serviceVersions: [] } };
    assert.match((await ask("POST", `${policies}/p`, empty)).text, /no versions specified/);
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
    assert.equal((await ask("PUT", "orgs/myorg/nodes/other/status", odd)).status, 404);
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
