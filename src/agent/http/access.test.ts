import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AccessRequest, type Policy, refusalOf, WrongLogins } from "./access.js";

const LOCAL: Policy = { t: "local" };
const LOGINS: Policy = { t: "logins", logins: [{ username: "ops", password: "hunter2" }] };

function request(headers: AccessRequest["headers"] = {}, method = "GET"): AccessRequest {
  const url = "/api/v1/state";
  return { method, url, headers: { host: "127.0.0.1:8080", ...headers }, address: "10.0.0.9" };
}

function status(one: AccessRequest, policy: Policy = LOCAL, wrong = new WrongLogins(), nowMs = 0) {
  return refusalOf(one, policy, wrong, nowMs)?.status;
}

function basic(text: string): AccessRequest {
  return request({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
}

describe("access", () => {
  it("lets programs on this machine in", () => {
    assert.equal(status(request()), undefined);
    assert.equal(status(request({}, "HEAD")), undefined);
    for (const host of ["localhost:8080", "127.0.0.1", "[::1]:8080", "127.9.9.9:1"]) {
      assert.equal(status(request({ host })), undefined, host);
    }
  });

  it("refuses every method that could change something, and says which are allowed", () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"]) {
      const refusal = refusalOf(request({}, method), LOCAL, new WrongLogins(), 0);
      assert.deepEqual([refusal?.status, refusal?.headers["Allow"]], [405, "GET, HEAD"], method);
    }
  });

  it("lets a link to the page be followed from other sites, and nothing else", () => {
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    assert.equal(status({ ...request(link), url: "/" }), undefined);
    assert.equal(status(request(link)), 403);
    const fetched = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
    assert.equal(status({ ...request(fetched), url: "/" }), 403);
  });

  it("takes actions as JSON alone, and no more than 16 KiB", () => {
    const restart = { ...request({}, "POST"), url: "/api/v1/cameras/front/restart" };
    const json = { ...restart.headers, "content-type": "application/json", "content-length": "2" };
    assert.equal(status({ ...restart, headers: json }), undefined);
    assert.equal(status({ ...restart, headers: { ...json, "content-type": "text/plain" } }), 415);
    assert.equal(status({ ...restart, headers: { ...json, "content-length": "16385" } }), 413);
    assert.equal(status({ ...restart, headers: { ...json, "transfer-encoding": "chunked" } }), 413);
    assert.equal(status({ ...restart, headers: { ...json, "sec-fetch-site": "cross-site" } }), 403);
    assert.equal(status({ ...restart, method: "GET" }), 405);
    assert.equal(
      status({ ...restart, url: "/api/v1/cameras/front/restart?x=1", headers: json }),
      405,
    );
  });

  it("takes settings by PUT as JSON alone, and no more than 256 KiB", () => {
    const put = { ...request({}, "PUT"), url: "/api/v1/settings" };
    const json = { ...put.headers, "content-type": "application/json", "content-length": "262144" };
    assert.equal(status({ ...put, headers: json }), undefined);
    assert.equal(status({ ...put, headers: { ...json, "content-length": "262145" } }), 413);
    assert.equal(status({ ...put, headers: { ...json, "content-type": "text/plain" } }), 415);
    assert.equal(status({ ...put, headers: { ...json, "sec-fetch-site": "cross-site" } }), 403);
    assert.equal(status({ ...put, method: "POST", headers: json }), 405);
    assert.equal(status({ ...put, method: "GET", headers: {} }), undefined);
    assert.equal(status({ ...put, method: "GET", headers: json }), 413);
    assert.equal(status({ ...put, url: "/api/v1/state", headers: json }), 405);
  });

  it("refuses a body", () => {
    assert.equal(status(request({ "content-length": "5" })), 413);
    assert.equal(status(request({ "transfer-encoding": "chunked" })), 413);
    assert.equal(status(request({ "content-length": "0" })), undefined);
  });

  const crossSite: AccessRequest["headers"][] = [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:9090" },
  ];
  for (const headers of crossSite) {
    it(`refuses a request of another site: ${JSON.stringify(headers)}`, () => {
      assert.equal(status(request(headers)), 403);
      const withLogin = basic("ops:hunter2");
      const both = { ...withLogin, headers: { ...withLogin.headers, ...headers } };
      assert.equal(status(both, LOGINS), 403);
    });
  }

  it("accepts a request of its own pages and of the address bar", () => {
    assert.equal(status(request({ "sec-fetch-site": "same-origin" })), undefined);
    assert.equal(status(request({ "sec-fetch-site": "none" })), undefined);
    assert.equal(status(request({ origin: "http://127.0.0.1:8080" })), undefined);
  });

  it("refuses a name that somebody points to this machine", () => {
    for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080"]) {
      assert.equal(status(request({ host })), 403, host);
    }
  });

  it("asks whoever comes over the network for a login", () => {
    const refusal = refusalOf(request(), LOGINS, new WrongLogins(), 0);
    assert.equal(refusal?.status, 401);
    assert.match(refusal?.headers["WWW-Authenticate"] ?? "", /^Basic realm=/);
    assert.equal(status(basic("ops:hunter2"), LOGINS), undefined);
    for (const wrong of ["ops:hunter3", "ops", "", ":", "OPS:hunter2"]) {
      assert.equal(status(basic(wrong), LOGINS), 401, wrong);
    }
  });

  it("lets nobody in while the secret of the logins is missing", () => {
    assert.equal(status(basic(":"), { t: "logins", logins: [] }), 401);
  });

  it("refuses all logins of an address that has guessed ten times, until a minute is over", () => {
    const wrong = new WrongLogins();
    for (let i = 0; i < 10; i++) assert.equal(status(basic("ops:x"), LOGINS, wrong, i), 401);
    assert.equal(status(basic("ops:hunter2"), LOGINS, wrong, 10), 429);
    const other = { ...basic("ops:hunter2"), address: "10.0.0.10" };
    assert.equal(status(other, LOGINS, wrong, 10), undefined);
    assert.equal(status(basic("ops:hunter2"), LOGINS, wrong, 60_001), undefined);
  });

  it("does not count a request without a login, which every browser sends first", () => {
    const wrong = new WrongLogins();
    for (let i = 0; i < 20; i++) assert.equal(status(request(), LOGINS, wrong, i), 401);
    assert.equal(status(basic("ops:hunter2"), LOGINS, wrong, 21), undefined);
  });

  it("asks nobody on the Unix socket, whose mode decides", () => {
    const over = { ...request({ host: "anything" }), address: undefined };
    assert.equal(status(over, { t: "socket" }), undefined);
  });
});
