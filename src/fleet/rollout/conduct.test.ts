/** Rollouts against the Exchange double, with a fleet that follows the policies as nodes do. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { isObject } from "../../common/json/document.js";
import { type Command, conduct, refuseUnproven } from "./conduct.js";
import { Exchange } from "./exchange.js";
import { PATIENCE } from "./standing.js";
import { SyncService } from "./sync-service.js";
import { ExchangeDouble } from "./testing/exchange-double.js";
import { FakeFleet } from "./testing/fake-fleet.js";

const START = Date.parse("2026-11-24T12:00:00Z");
const NAMES = ["policy-slipstream", "policy-slipstream-b"] as const;

function template(version: string, old: string, rings = ">= 0") {
  const priority = { priority_value: 1, retries: 2, retry_durations: 3600 };
  const versions = [
    { version, priority },
    ...(old === "" ? [] : [{ version: old, priority: { ...priority, priority_value: 2 } }]),
  ];
  return {
    label: `slipstream ${version}`,
    service: { name: "slipstream", org: "myorg", arch: "*", serviceVersions: versions },
    properties: [],
    constraints: ["slipstream.runtime == nvidia", `slipstream.ring ${rings}`],
  };
}

/** Version 1.0.0 on all of a fleet: two nodes in each of the rings 1 to 3, of either architecture. */
async function scene(t: TestContext) {
  const double = await ExchangeDouble.start();
  t.after(() => double.stop());
  const { url, org, user } = double;
  const exchange = new Exchange({ url, org, user });
  t.after(() => exchange.close());
  const sync = new SyncService({ url: double.cssUrl, org, user });
  t.after(() => sync.close());
  const fleet = new FakeFleet(double, START);
  for (const version of ["1.0.0", "2.0.0", "3.0.0"]) fleet.publish(version, ["amd64", "arm64"]);
  for (const ring of [1, 2, 3]) {
    fleet.add(`t4-${ring}`, "amd64", ring);
    fleet.add(`nano-${ring}`, "arm64", ring);
  }
  await exchange.createPolicy(NAMES[0], template("1.0.0", ""));
  fleet.pass(60);

  const said: string[] = [];
  const run = async (command: Command, confirmed = true, hasSync = true) => {
    said.length = 0;
    await conduct(command, {
      ...{
        exchange,
        sync: hasSync ? sync : undefined,
        service: "slipstream",
        names: NAMES,
        template,
        patience: PATIENCE,
      },
      nowMs: fleet.nowMs,
      say: (text) => said.push(text),
      confirm: () => Promise.resolve(confirmed),
    });
    return said.join("\n");
  };
  /** What runs, ring by ring; both nodes of a ring are to run the same. */
  const running = () =>
    [1, 2, 3].map((ring) => {
      const [one, other] = [fleet.versionOf(`t4-${ring}`), fleet.versionOf(`nano-${ring}`)];
      return one === other ? one : `${one}, ${other}`;
    });
  return { double, exchange, sync, fleet, run, running, said };
}

const canary = (version: string, ring = 1): Command => ({ t: "canary", version, ring });
const promote = (ring: number | "all", mayFail = 0): Command => ({ t: "promote", ring, mayFail });

test("a new version goes from ring to ring, each node begins anew once, and the policies change places", async (t) => {
  const { double, fleet, run, running } = await scene(t);
  assert.match(await run(canary("2.0.0")), /nodes that go from 1\.0\.0 to 2\.0\.0: 2$/m);
  fleet.pass(40);
  assert.deepEqual(running(), ["2.0.0", "1.0.0", "1.0.0"]);
  assert.match(await run(promote(2)), /rings so far: 2 proven, 0 not, 0 silent/);
  fleet.pass(40);
  assert.deepEqual(running(), ["2.0.0", "2.0.0", "1.0.0"]);
  await run(promote("all"));
  fleet.pass(40);
  assert.deepEqual(running(), ["2.0.0", "2.0.0", "2.0.0"]);
  assert.deepEqual([...double.policies.keys()], ["myorg/policy-slipstream-b"]);
  assert.deepEqual([...fleet.starts.values()], [2, 2, 2, 2, 2, 2]);

  await run(canary("3.0.0"));
  fleet.pass(40);
  assert.deepEqual(running(), ["3.0.0", "2.0.0", "2.0.0"]);
  await run(promote("all"));
  fleet.pass(40);
  assert.deepEqual(running(), ["3.0.0", "3.0.0", "3.0.0"]);
  assert.deepEqual([...double.policies.keys()], ["myorg/policy-slipstream"]);
  assert.deepEqual([...fleet.starts.values()], [3, 3, 3, 3, 3, 3]);
});

test("a version that fails where it is goes no further, and is taken back without a stop of the others", async (t) => {
  const { fleet, run, running } = await scene(t);
  fleet.fails = (version, node) => version === "2.0.0" && node.startsWith("nano");
  await run(canary("2.0.0"));
  fleet.pass(40);
  assert.deepEqual(running()[0], "2.0.0, 1.0.0");
  await assert.rejects(run(promote(2)), { name: "RolloutError" });
  assert.match(
    await run({ t: "status" }),
    /nano-1 \(ring 1\) has gone back from 2\.0\.0 to 1\.0\.0/,
  );
  const text = await run({ t: "rollback" });
  assert.match(text, /from 2\.0\.0 to 1\.0\.0: 2, of which run that already: 1$/m);
  fleet.pass(5);
  assert.deepEqual(running(), ["1.0.0", "1.0.0", "1.0.0"]);
  assert.deepEqual([fleet.starts.get("t4-2"), fleet.starts.get("t4-3")], [1, 1]);
});

test("a rollback does not stop a node that has gone back by itself, and the next version goes out as ever", async (t) => {
  const { fleet, run, running, double } = await scene(t);
  fleet.fails = (version, node) => version === "2.0.0" && node.startsWith("nano");
  await run(canary("2.0.0"));
  fleet.pass(40);
  const starts = fleet.starts.get("nano-1");
  await run({ t: "rollback" });
  fleet.pass(40);
  assert.equal(fleet.starts.get("nano-1"), starts);
  assert.match(await run({ t: "status" }), /^policy-slipstream-b: 1\.0\.0; rings <= 1$/m);
  await assert.rejects(run({ t: "rollback" }), { message: /1\.0\.0 is what all nodes are to run/ });
  await assert.rejects(run(promote(2)), { message: /no new version is going out/ });

  await run(canary("3.0.0", 2));
  fleet.pass(40);
  assert.deepEqual(running(), ["3.0.0", "3.0.0", "1.0.0"]);
  await run(promote("all"));
  fleet.pass(40);
  assert.deepEqual(running(), ["3.0.0", "3.0.0", "3.0.0"]);
  assert.deepEqual([...double.policies.keys()], ["myorg/policy-slipstream-b"]);
});

test("nothing is promoted while a node is on trial, or has not moved yet, or none has proven it", async (t) => {
  const { fleet, run, double } = await scene(t);
  fleet.trialMinutes = 15;
  await run(canary("2.0.0"));
  const before = double.changes.length;
  await assert.rejects(run(promote(2)), { message: /2 nodes have not proven 2\.0\.0/ });
  fleet.pass(10);
  await assert.rejects(run(promote(2)), { message: /2 nodes have not proven/ });
  fleet.off.add("t4-1").add("nano-1");
  fleet.pass(60);
  await assert.rejects(run(promote(2)), { message: /no node has proven 2\.0\.0 yet/ });
  assert.equal(double.changes.length, before);
});

test("a node that is off does not hold the others up, and MAY_FAIL is for those whose trouble is their own", async (t) => {
  const { fleet, run, running, said } = await scene(t);
  fleet.fails = (version, node) => version === "2.0.0" && node === "nano-2";
  await run(canary("2.0.0"));
  fleet.pass(40);
  fleet.off.add("t4-1");
  fleet.pass(15);
  await run(promote(2));
  fleet.pass(40);
  await assert.rejects(run(promote("all")), {
    message: /1 node has not proven 2\.0\.0, and MAY_FAIL is 0/,
  });
  assert.match(said.join("\n"), /nano-2 \(ring 2\) has gone back/);
  await run(promote("all", 1));
  fleet.pass(40);
  assert.deepEqual(running()[2], "2.0.0");
});

test("without a yes everything is told and nothing changes", async (t) => {
  const { run, double } = await scene(t);
  const before = double.changes.length;
  const text = await run(canary("2.0.0"), false);
  assert.deepEqual(text.split("\n"), [
    "1. create policy-slipstream-b: 2.0.0 (else 1.0.0) for rings <= 1",
    "2. change policy-slipstream: 1.0.0 for rings > 1; was 1.0.0 for all rings",
    "nodes that go from 1.0.0 to 2.0.0: 2",
  ]);
  assert.equal(double.changes.length, before);
});

/** After every prefix of the requests each node has a policy, so that a cut leaves nobody without a picture. */
test("a command that is cut off leaves every node with a policy, and the same command again finishes it", async (t) => {
  for (const [first, cut] of [
    [[], canary("2.0.0")],
    [[canary("2.0.0")], promote(2)],
    [[canary("2.0.0")], promote("all")],
  ] as const) {
    await t.test(`${cut.t} ${"ring" in cut ? cut.ring : ""}`, async (t) => {
      const { double, fleet, run, running } = await scene(t);
      for (const command of first) {
        await run(command);
        fleet.pass(40);
      }
      const already = double.changes.length;
      double.fails = ({ method }) => method !== "GET" && double.changes.length > already + 1;
      await assert.rejects(run(cut), { name: "ExchangeError", message: /answers 503 to/ });
      double.fails = () => false;
      fleet.pass(40);
      assert.ok(running().every((version) => version !== undefined));
      await run(cut);
      fleet.pass(40);
      const [, second = "", third = ""] = running();
      const isNew = cut.t === "promote";
      assert.equal(second, isNew ? "2.0.0" : "1.0.0");
      assert.equal(third, isNew && cut.ring === "all" ? "2.0.0" : "1.0.0");
      for (const body of double.policies.values()) {
        assert.ok(isObject(body) && !("owner" in body));
      }
    });
  }
});

test("a rollback of a canary that was cut off leaves one policy", async (t) => {
  const { double, fleet, run, running } = await scene(t);
  double.fails = ({ method }) => method === "PUT";
  await assert.rejects(run(canary("2.0.0")), { name: "ExchangeError" });
  double.fails = () => false;
  await run({ t: "rollback" });
  fleet.pass(40);
  assert.deepEqual([...double.policies.keys()], ["myorg/policy-slipstream"]);
  assert.deepEqual([running(), fleet.starts.get("t4-1")], [["1.0.0", "1.0.0", "1.0.0"], 1]);
});

for (const [what, first, command, message] of [
  ["the version that runs", [], canary("1.0.0"), /1\.0\.0 is what all nodes are to run already/],
  [
    "a version that is not there",
    [],
    canary("9.0.0"),
    /9\.0\.0 is not published: make publish-service/,
  ],
  [
    "a second one",
    [canary("2.0.0")],
    canary("3.0.0"),
    /2\.0\.0 is going out, in rings <= 1: make promote/,
  ],
  ["what is not there", [], promote(2), /no new version is going out: make canary/],
  [
    "what that ring has already",
    [canary("2.0.0", 2)],
    promote(2),
    /2\.0\.0 has rings <= 2 already/,
  ],
  [
    "back without an older one",
    [],
    { t: "rollback" },
    /names no version to go back to from 1\.0\.0/,
  ],
] as const) {
  test(`${command.t} of ${what} is refused`, async (t) => {
    const { run, fleet, double } = await scene(t);
    for (const one of first) {
      await run(one);
      fleet.pass(40);
    }
    const before = double.changes.length;
    await assert.rejects(run(command), { name: "RolloutError", message });
    assert.equal(double.changes.length, before);
  });
}

test("a version that is there for one architecture only goes out to nobody", async (t) => {
  const { run, fleet } = await scene(t);
  fleet.publish("4.0.0", ["amd64"]);
  await assert.rejects(run(canary("4.0.0")), {
    message: /4\.0\.0 is not published for arm64: .* SERVICE_VERSION=4\.0\.0 ARCH=arm64/,
  });
});

test("a version whose secrets are not bound goes out to nobody", async (t) => {
  const { run, fleet } = await scene(t);
  const services = { agent: { image: "a", secrets: { "cam-login": { description: "" } } } };
  fleet.publish("4.0.0", ["amd64", "arm64"], { services });
  await assert.rejects(run(canary("4.0.0")), {
    message: /cam-login are not bound.*SECRETS='cam-login'/,
  });
});

test("once all have it, a rollback gives the version that the policy names next", async (t) => {
  const { run, fleet, running } = await scene(t);
  await run(canary("2.0.0"));
  fleet.pass(40);
  await run(promote("all"));
  fleet.pass(40);
  await run({ t: "rollback" });
  fleet.pass(40);
  assert.deepEqual(running(), ["1.0.0", "1.0.0", "1.0.0"]);
});

test("a container that the definition has and a node has not is named, and keeps the version from going on", async (t) => {
  const { run, fleet } = await scene(t);
  const image = "i";
  const services = { agent: { image }, sidecar: { image }, third: { image } };
  fleet.publish("4.0.0", ["amd64", "arm64"], { services });
  await run(canary("4.0.0"));
  fleet.pass(40);
  assert.match(
    await run({ t: "status" }),
    /t4-1 \(ring 1\) runs 4\.0\.0, and the container third is not there/,
  );
  await assert.rejects(run(promote(2)), { name: "RolloutError" });
});

test("the tables count nodes ring by ring, and say of each node what it says of itself", async (t) => {
  const { run, fleet } = await scene(t);
  fleet.trialMinutes = 30;
  await run(canary("2.0.0"));
  fleet.says.set("t4-2", { reason: "pipeline failed: gpu: it is gone" });
  fleet.pass(10);
  fleet.off.add("t4-3");
  fleet.pass(15);
  const text = await run({ t: "status" });
  assert.deepEqual(text.split("\n"), [
    "policy-slipstream-b: 2.0.0, else 1.0.0; rings <= 1",
    "policy-slipstream: 1.0.0; rings > 1",
    "",
    "ring  meant  nodes  proven  on trial  silent",
    "1     2.0.0  2      0       2         0",
    "2     1.0.0  2      2       0         0",
    "3     1.0.0  2      1       0         1",
    "",
    "node    ring  runs   trial     model               settings  cameras  last reason",
    "t4-3    3     1.0.0  silent    nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "t4-1    1     2.0.0  on trial  nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "nano-1  1     2.0.0  on trial  nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "t4-2    2     1.0.0  proven    nanodet-coco@1.0.0  a1b2c3d4  2/3      pipeline failed: gpu: it is gone",
    "nano-2  2     1.0.0  proven    nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "nano-3  3     1.0.0  proven    nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "",
    "t4-3 (ring 3) has not been heard of for 15 min",
  ]);
});

test("containers that run prove nothing: without the nodes' reports no version goes on", async (t) => {
  const { run, fleet, said } = await scene(t);
  await run(canary("2.0.0"));
  fleet.pass(600);
  await assert.rejects(run(promote(2), true, false), {
    message: /2 nodes have not proven 2\.0\.0/,
  });
  assert.match(said.join("\n"), /HZN_FSS_CSSURL is not set.*nothing is proven/);
  assert.match(said.join("\n"), /t4-1 \(ring 1\) runs 2\.0\.0, and has not said yet/);
  await run(promote(2));
});

test("a version that says that it is another keeps the gate shut, however long it runs", async (t) => {
  const { run, fleet, said } = await scene(t);
  await run(canary("2.0.0"));
  fleet.says.set("t4-1", { version: "1.0.0" });
  fleet.pass(600);
  await assert.rejects(run(promote(2)), { message: /1 node has not proven 2\.0\.0/ });
  assert.match(
    said.join("\n"),
    /published as 2\.0\.0, and says that it is 1\.0\.0: it was never on trial/,
  );
});

test("why a node went back is told here", async (t) => {
  const { run, fleet } = await scene(t);
  fleet.fails = (version) => version === "2.0.0";
  await run(canary("2.0.0"));
  fleet.pass(10);
  assert.match(
    await run({ t: "status" }),
    /t4-1 \(ring 1\) has gone back from 2\.0\.0 to 1\.0\.0: worker died: again and again/,
  );
});

/** A model for ring 1, of which the nodes there say this. */
async function modelScene(t: TestContext, says: Readonly<Record<string, string>>) {
  const { double, exchange, sync, fleet, run } = await scene(t);
  const type = "slipstream-model";
  const sha256 = "a".repeat(64);
  double.objects.set(`${type}/street-2.0.0`, {
    ...{ objectType: type, objectID: "street-2.0.0", instanceID: 77 },
    description: `sha256:${sha256}`,
    destinationPolicy: { constraints: ["slipstream.ring <= 1"] },
  });
  for (const [node, state] of Object.entries(says)) {
    const [what = "", instance = "77"] = state.split("#");
    const object = { type, id: "street-2.0.0", instance, reason: "half the frames" };
    // As the test says.
    fleet.says.set(node, { objects: [{ ...object, state: what as "passed" }] });
  }
  fleet.pass(1);
  const said: string[] = [];
  const widen = (mayFail = 0, data = sha256) =>
    refuseUnproven({ type, sha256: data, rings: { t: "all" } }, mayFail, {
      ...{ exchange, sync, service: "slipstream", nowMs: fleet.nowMs },
      say: (text) => said.push(text),
    });
  return { widen, said, run, fleet };
}

test("a model goes to more rings when it has passed on every node that has it", async (t) => {
  const { widen, said, run } = await modelScene(t, { "t4-1": "passed", "nano-1": "passed" });
  await widen();
  assert.deepEqual(said, ["street-2.0.0 for rings <= 1: 2 passed, 0 not, 0 silent"]);
  assert.match(await run({ t: "status" }), /^street-2\.0\.0 +rings <= 1 +2 +0 +0$/m);
});

test("a model that fails on a node goes no further, and what is said of it is of this publication alone", async (t) => {
  const { widen, said, fleet } = await modelScene(t, { "t4-1": "passed", "nano-1": "failed" });
  await assert.rejects(widen(), { message: /not published: it has not passed on 1 node/ });
  assert.match(said.join(), /nano-1: failed: half the frames/);
  await widen(1);
  fleet.says.clear();
  fleet.pass(1);
  await assert.rejects(widen(), { message: /not passed on 2 nodes/ });
  await widen(0, "b".repeat(64));
});

test("a model that a node had under an earlier publication has not come to it yet", async (t) => {
  const { widen, said } = await modelScene(t, { "t4-1": "passed", "nano-1": "passed#76" });
  await assert.rejects(widen(), { message: /not passed on 1 node/ });
  assert.match(said.join(), /nano-1: has not got it yet/);
});

test("wrong credentials are named without being told", async (t) => {
  const { double } = await scene(t);
  const exchange = new Exchange({ url: double.url, org: "myorg", user: "me:wrong-password" });
  t.after(() => exchange.close());
  await assert.rejects(exchange.nodes(), (error: Error) => {
    assert.match(error.message, /answers 401 to GET nodes: invalid credentials/);
    assert.doesNotMatch(error.message, /wrong-password/);
    return true;
  });
});
