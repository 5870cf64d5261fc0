import assert from "node:assert/strict";
import test from "node:test";
import { parseSecrets, withSecretBinding, withSecrets } from "./secrets.js";

const definition = {
  url: "slipstream",
  deployment: { services: { agent: { image: "a" }, sidecar: { image: "s" } } },
};
const policy = { service: { org: "myorg", name: "slipstream" }, constraints: ["a == 1"] };

test("a secret has the same name at the hub unless another one is given", () => {
  assert.deepEqual(parseSecrets(" cam-login viewers=lobby/viewers\n"), [
    { name: "cam-login", hub: "cam-login" },
    { name: "viewers", hub: "lobby/viewers" },
  ]);
});

for (const [text, what] of [
  ["cam login=", /"login="/],
  ["=x", /"=x"/],
  ["a b a=c", /a is there twice/],
] as const) {
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => parseSecrets(text), { name: "PublishError", message: what });
  });
}

test("without secrets the package is as its files say, since an unbound secret keeps every node away", () => {
  assert.equal(withSecrets(definition, []), definition);
  assert.equal(withSecretBinding(policy, []), policy);
});

test("every container declares the secrets, and the policy binds each of them", () => {
  const secrets = parseSecrets("cam-login viewers=lobby");
  const declared = {
    "cam-login": { description: "secret:cam-login" },
    viewers: { description: "secret:viewers" },
  };
  assert.deepEqual(withSecrets(definition, secrets)["deployment"], {
    services: {
      agent: { image: "a", secrets: declared },
      sidecar: { image: "s", secrets: declared },
    },
  });
  assert.deepEqual(withSecretBinding(policy, secrets)["secretBinding"], [
    {
      serviceOrgid: "myorg",
      serviceUrl: "slipstream",
      serviceVersionRange: "[0.0.0,INFINITY)",
      secrets: [{ "cam-login": "cam-login" }, { viewers: "lobby" }],
    },
  ]);
});
