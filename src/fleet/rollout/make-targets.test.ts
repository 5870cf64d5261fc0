// The make targets of a rollout, against the Exchange double; no hzn is needed.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { readPublication } from "../publish/golden/publication.js";
import { makeTestWorkspace } from "../publish/testing/test-workspace.js";
import { ExchangeDouble } from "./testing/exchange-double.js";
import { FakeFleet } from "./testing/fake-fleet.js";

/** 98.0.0 on two nodes, as `hzn` published it, and 99.0.0 beside it. */
async function scene(t: TestContext) {
  const double = await ExchangeDouble.start();
  t.after(() => double.stop());
  const workspace = makeTestWorkspace({});
  t.after(workspace.remove);
  const fleet = new FakeFleet(double, Date.now());
  for (const version of ["98.0.0", "99.0.0"]) fleet.publish(version, ["amd64"]);
  fleet.add("one", "amd64", 1);
  fleet.add("two", "amd64", 2);
  const exchange = [
    `HZN_EXCHANGE_URL=${double.url}`,
    `HZN_ORG_ID=${double.org}`,
    `HZN_EXCHANGE_USER_AUTH=${double.user}`,
  ];
  const make = (...args: string[]) => workspace.make(...exchange, ...args);
  const [body] = sent("publish ARCH=amd64 SERVICE_VERSION=98.0.0");
  double.policies.set("myorg/policy-slipstream", Object(body));
  fleet.follow();
  return { double, fleet, make, folder: workspace.folder };
}

/** The deployment policies that the real hzn sent in one of the recorded runs. */
function sent(command: string): unknown[] {
  const run = readPublication().runs.find((one) => one.command.startsWith(command));
  const policies = run?.requests.filter(({ path }) => path.includes("/business/policies/"));
  return policies?.map(({ body }) => body) ?? [];
}

test("a canary is printed first, done once it is confirmed, and is what hzn would have sent", async (t) => {
  const { double, make } = await scene(t);
  const canary = ["canary", "VERSION=99.0.0", "SECRETS=cam-login viewers=lobby"];
  const dry = await make(...canary, "DRY_RUN=1");
  assert.equal(dry.code, 0, dry.err);
  assert.match(
    dry.out,
    /1\. create policy-slipstream-b: 99\.0\.0 \(fallback 98\.0\.0\) for rings <= 1/,
  );
  assert.match(
    dry.out,
    /nodes moving from 98\.0\.0 to 99\.0\.0: 1\ndry run: nothing was changed\n$/,
  );
  const unasked = await make(...canary);
  assert.notEqual(unasked.code, 0);
  assert.match(unasked.err, /nothing was changed: set CONFIRM=yes to do it/);
  assert.equal(double.changes.length, 0);

  const done = await make(...canary, "CONFIRM=yes");
  assert.equal(done.code, 0, done.err);
  assert.deepEqual(
    double.changes.map(({ method, path }) => `${method} ${path}`),
    [
      "POST orgs/myorg/business/policies/policy-slipstream-b",
      "PUT orgs/myorg/business/policies/policy-slipstream",
    ],
  );
  const [, asHzn] = sent("publish ARCH=amd64 SERVICE_VERSION=99.0.0");
  assert.deepEqual(double.changes[0]?.body, asHzn);
});

test("the linter reports a policy that the Exchange would refuse, and nothing is sent", async (t) => {
  const { double, make, folder } = await scene(t);
  const file = join(folder, "deployment.policy.json");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace('"serviceUrl"', '"serviceArch": "*", "serviceUrl"'));
  const { code, err } = await make("canary", "VERSION=99.0.0", "CONFIRM=yes");
  assert.notEqual(code, 0);
  assert.match(err, /userInput\[0\]\.serviceArch: the Exchange takes "\*" for the name/);
  assert.equal(double.changes.length, 0);
});

test("status, promotion and rollback by make targets", async (t) => {
  const { fleet, make } = await scene(t);
  await make("canary", "VERSION=99.0.0", "CONFIRM=yes");
  fleet.pass(0);
  const status = await make("fleet-status");
  assert.equal(status.code, 0, status.err);
  assert.match(status.out, /^1 {5}99\.0\.0 +1 +\d/m);
  const early = await make("promote", "RING=2", "CONFIRM=yes");
  assert.notEqual(early.code, 0);
  assert.match(early.err, /not promoted: 1 node has not proven 99\.0\.0, and MAY_FAIL is 0/);
  const back = await make("rollback", "CONFIRM=yes");
  assert.equal(back.code, 0, back.err);
  assert.match(back.out, /^1\. change policy-slipstream-b: 98\.0\.0 for rings <= 1; was 99\.0\.0/m);
});

for (const [args, sentence] of [
  [["canary"], "horizon: VERSION is not set: the new version, as in VERSION=0.2.0"],
  [["promote"], "horizon: RING is not set: the last ring that is to get it, or all"],
  [["promote", "RING=two"], 'horizon: RING is "two"; a whole number from 0'],
  [["fleet-status", "PROVEN_AFTER=1h"], 'horizon: PROVEN_AFTER is "1h"; a whole number from 0'],
] as const) {
  test(`make ${args.join(" ")} reports in one sentence what is wrong`, async (t) => {
    const { make } = await scene(t);
    const { code, err } = await make(...args);
    assert.notEqual(code, 0);
    assert.equal(err.split("\n")[0], sentence);
  });
}
