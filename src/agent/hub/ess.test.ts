import assert from "node:assert/strict";
import test from "node:test";
import { locateEss } from "./ess.js";

const HORIZON = {
  HZN_ESS_API_PROTOCOL: "secure-unix",
  HZN_ESS_API_ADDRESS: "/var/run/horizon/essapi.sock",
  HZN_ESS_API_PORT: "0",
  HZN_ESS_CERT: "/ess-cert/cert.pem",
  HZN_ESS_AUTH: "/ess-auth/auth.json",
};

test("the service is where Horizon's variables say", () => {
  assert.deepEqual(locateEss(HORIZON), {
    t: "ess",
    address: {
      socketPath: "/var/run/horizon/essapi.sock",
      certificate: "/ess-cert/cert.pem",
      credentials: "/ess-auth/auth.json",
    },
  });
});

test("without Horizon there is no service, and that is not an error", () => {
  assert.deepEqual(locateEss({ HZN_ESS_CERT: "", HZN_NODE_ID: "laptop" }), { t: "none" });
});

test("a missing variable or another protocol is named", () => {
  assert.deepEqual(locateEss({ ...HORIZON, HZN_ESS_AUTH: "" }), {
    t: "unusable",
    detail: "HZN_ESS_AUTH is not set",
  });
  assert.deepEqual(locateEss({ ...HORIZON, HZN_ESS_API_PROTOCOL: "http" }), {
    t: "unusable",
    detail: 'HZN_ESS_API_PROTOCOL is "http"; supported: secure-unix',
  });
});
