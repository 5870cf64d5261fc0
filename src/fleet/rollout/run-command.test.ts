/** Rollouts against the Exchange double, with a fleet that follows the policies as nodes do. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { isObject } from "../../common/json/document.js";
import { Exchange, SyncService } from "./hub.js";
import { DEFAULT_THRESHOLDS } from "./node-state.js";
import { type Command, checkObjectGate, runCommand } from "./run-command.js";
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

  const printed: string[] = [];
  const run = async (command: Command, confirmed = true, hasSync = true) => {
    printed.length = 0;
    await runCommand(command, {
      ...{
        exchange,
        sync: hasSync ? sync : undefined,
        service: "slipstream",
        names: NAMES,
        template,
        thresholds: DEFAULT_THRESHOLDS,
      },
      nowMs: fleet.nowMs,
      print: (text) => printed.push(text),
      confirm: () => Promise.resolve(confirmed),
    });
    return printed.join("\n");
  };
  /** The version that runs in each ring; both if the nodes of the ring differ. */
  const running = () =>
    [1, 2, 3].map((ring) => {
      const [one, other] = [fleet.versionOf(`t4-${ring}`), fleet.versionOf(`nano-${ring}`)];
      return one === other ? one : `${one}, ${other}`;
    });
  return { double, exchange, sync, fleet, run, running, printed };
}

const canary = (version: string, ring = 1): Command => ({ t: "canary", version, ring });
const promote = (ring: number | "all", mayFail = 0): Command => ({ t: "promote", ring, mayFail });

test("a new version goes from ring to ring, each node restarts once, and the policies swap roles", async (t) => {
  const { double, fleet, run, running } = await scene(t);
  assert.match(await run(canary("2.0.0")), /nodes moving from 1\.0\.0 to 2\.0\.0: 2$/m);
  fleet.pass(40);
  assert.deepEqual(running(), ["2.0.0", "1.0.0", "1.0.0"]);
  assert.match(await run(promote(2)), /current rings: 2 proven, 0 not proven, 0 silent/);
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

test("a version that fails goes no further, and is rolled back without stopping the other nodes", async (t) => {
  const { fleet, run, running } = await scene(t);
  fleet.fails = (version, node) => version === "2.0.0" && node.startsWith("nano");
  await run(canary("2.0.0"));
  fleet.pass(40);
  assert.deepEqual(running()[0], "2.0.0, 1.0.0");
  await assert.rejects(run(promote(2)), { name: "RolloutError" });
  assert.match(await run({ t: "status" }), /nano-1 \(ring 1\) rolled back from 2\.0\.0 to 1\.0\.0/);
  const text = await run({ t: "rollback" });
  assert.match(text, /from 2\.0\.0 to 1\.0\.0: 2, of which 1 already there$/m);
  fleet.pass(5);
  assert.deepEqual(running(), ["1.0.0", "1.0.0", "1.0.0"]);
  assert.deepEqual([fleet.starts.get("t4-2"), fleet.starts.get("t4-3")], [1, 1]);
});

test("a rollback does not stop a node that rolled back by itself, and the next version goes out as usual", async (t) => {
  const { fleet, run, running, double } = await scene(t);
  fleet.fails = (version, node) => version === "2.0.0" && node.startsWith("nano");
  await run(canary("2.0.0"));
  fleet.pass(40);
  const starts = fleet.starts.get("nano-1");
  await run({ t: "rollback" });
  fleet.pass(40);
  assert.equal(fleet.starts.get("nano-1"), starts);
  assert.match(await run({ t: "status" }), /^policy-slipstream-b: 1\.0\.0 for rings <= 1$/m);
  await assert.rejects(run({ t: "rollback" }), {
    message: /1\.0\.0 is already the version for all/,
  });
  await assert.rejects(run(promote(2)), { message: /no rollout is in progress/ });

  await run(canary("3.0.0", 2));
  fleet.pass(40);
  assert.deepEqual(running(), ["3.0.0", "3.0.0", "1.0.0"]);
  await run(promote("all"));
  fleet.pass(40);
  assert.deepEqual(running(), ["3.0.0", "3.0.0", "3.0.0"]);
  assert.deepEqual([...double.policies.keys()], ["myorg/policy-slipstream-b"]);
});

test("nothing is promoted while a node is pending or on trial, or no node has proven it", async (t) => {
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

test("a silent node does not hold up the others, and MAY_FAIL allows for failed ones", async (t) => {
  const { fleet, run, running, printed } = await scene(t);
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
  assert.match(printed.join("\n"), /nano-2 \(ring 2\) rolled back/);
  await run(promote("all", 1));
  fleet.pass(40);
  assert.deepEqual(running()[2], "2.0.0");
});

test("without confirmation everything is printed and nothing changes", async (t) => {
  const { run, double } = await scene(t);
  const before = double.changes.length;
  const text = await run(canary("2.0.0"), false);
  assert.deepEqual(text.split("\n"), [
    "1. create policy-slipstream-b: 2.0.0 (fallback 1.0.0) for rings <= 1",
    "2. change policy-slipstream: 1.0.0 for rings > 1; was 1.0.0 for all rings",
    "nodes moving from 1.0.0 to 2.0.0: 2",
  ]);
  assert.equal(double.changes.length, before);
});

/** After every prefix of the requests each node has a policy, so that an interruption leaves no viewer without a stream. */
test("an interrupted command leaves every node with a policy, and the same command again finishes it", async (t) => {
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
      await assert.rejects(run(cut), { name: "HubError", message: /returned 503 for/ });
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

test("a rollback of an interrupted canary leaves one policy", async (t) => {
  const { double, fleet, run, running } = await scene(t);
  double.fails = ({ method }) => method === "PUT";
  await assert.rejects(run(canary("2.0.0")), { name: "HubError" });
  double.fails = () => false;
  await run({ t: "rollback" });
  fleet.pass(40);
  assert.deepEqual([...double.policies.keys()], ["myorg/policy-slipstream"]);
  assert.deepEqual([running(), fleet.starts.get("t4-1")], [["1.0.0", "1.0.0", "1.0.0"], 1]);
});

for (const [what, first, command, message] of [
  ["the version that runs", [], canary("1.0.0"), /1\.0\.0 is already the version for all nodes/],
  [
    "a version that is not published",
    [],
    canary("9.0.0"),
    /9\.0\.0 is not published: make publish-service/,
  ],
  [
    "a second one",
    [canary("2.0.0")],
    canary("3.0.0"),
    /2\.0\.0 is being rolled out to rings <= 1: finish it with make promote/,
  ],
  ["nothing", [], promote(2), /no rollout is in progress: start one with make canary/],
  [
    "what that ring already has",
    [canary("2.0.0", 2)],
    promote(2),
    /2\.0\.0 already has rings <= 2/,
  ],
  [
    "a version without an older one",
    [],
    { t: "rollback" },
    /names no version to roll back to from 1\.0\.0/,
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

test("a version that is published for one architecture only goes to no node", async (t) => {
  const { run, fleet } = await scene(t);
  fleet.publish("4.0.0", ["amd64"]);
  await assert.rejects(run(canary("4.0.0")), {
    message: /4\.0\.0 is not published for arm64: .* SERVICE_VERSION=4\.0\.0 ARCH=arm64/,
  });
});

test("a version whose secrets are not bound goes to no node", async (t) => {
  const { run, fleet } = await scene(t);
  const services = { agent: { image: "a", secrets: { "cam-login": { description: "" } } } };
  fleet.publish("4.0.0", ["amd64", "arm64"], { services });
  await assert.rejects(run(canary("4.0.0")), {
    message: /cam-login are not bound.*SECRETS='cam-login'/,
  });
});

test("once all nodes have a version, a rollback gives them the one that the policy names next", async (t) => {
  const { run, fleet, running } = await scene(t);
  await run(canary("2.0.0"));
  fleet.pass(40);
  await run(promote("all"));
  fleet.pass(40);
  await run({ t: "rollback" });
  fleet.pass(40);
  assert.deepEqual(running(), ["1.0.0", "1.0.0", "1.0.0"]);
});

test("a container that is missing on a node is named, and keeps the version from being promoted", async (t) => {
  const { run, fleet } = await scene(t);
  const image = "i";
  const services = { agent: { image }, sidecar: { image }, third: { image } };
  fleet.publish("4.0.0", ["amd64", "arm64"], { services });
  await run(canary("4.0.0"));
  fleet.pass(40);
  assert.match(
    await run({ t: "status" }),
    /t4-1 \(ring 1\) runs 4\.0\.0, and the container third is missing/,
  );
  await assert.rejects(run(promote(2)), { name: "RolloutError" });
});

test("the tables count nodes by ring, and show what each node reports", async (t) => {
  const { run, fleet } = await scene(t);
  fleet.trialMinutes = 30;
  await run(canary("2.0.0"));
  fleet.says.set("t4-2", { reason: "pipeline failed: gpu: it is gone" });
  fleet.pass(10);
  fleet.off.add("t4-3");
  fleet.pass(15);
  const text = await run({ t: "status" });
  assert.deepEqual(text.split("\n"), [
    "policy-slipstream-b: 2.0.0 (fallback 1.0.0) for rings <= 1",
    "policy-slipstream: 1.0.0 for rings > 1",
    "",
    "ring  target  nodes  proven  on trial  silent",
    "1     2.0.0   2      0       2         0",
    "2     1.0.0   2      2       0         0",
    "3     1.0.0   2      1       0         1",
    "",
    "node    ring  runs   state     model               settings  cameras  last reason",
    "t4-3    3     1.0.0  silent    nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "t4-1    1     2.0.0  on trial  nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "nano-1  1     2.0.0  on trial  nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "t4-2    2     1.0.0  proven    nanodet-coco@1.0.0  a1b2c3d4  2/3      pipeline failed: gpu: it is gone",
    "nano-2  2     1.0.0  proven    nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "nano-3  3     1.0.0  proven    nanodet-coco@1.0.0  a1b2c3d4  2/3",
    "",
    "t4-3 (ring 3) has sent no heartbeat for 15 min",
  ]);
});

test("running containers prove nothing: without the nodes' reports no version is promoted", async (t) => {
  const { run, fleet, printed } = await scene(t);
  await run(canary("2.0.0"));
  fleet.pass(600);
  await assert.rejects(run(promote(2), true, false), {
    message: /2 nodes have not proven 2\.0\.0/,
  });
  assert.match(printed.join("\n"), /HZN_FSS_CSSURL is not set.*no version is proven/);
  assert.match(printed.join("\n"), /t4-1 \(ring 1\) runs 2\.0\.0, which has not reported/);
  await run(promote(2));
});

test("an image that reports another version blocks the gate, however long it runs", async (t) => {
  const { run, fleet, printed } = await scene(t);
  await run(canary("2.0.0"));
  fleet.says.set("t4-1", { version: "1.0.0" });
  fleet.pass(600);
  await assert.rejects(run(promote(2)), { message: /1 node has not proven 2\.0\.0/ });
  assert.match(
    printed.join("\n"),
    /published as 2\.0\.0 and reports version 1\.0\.0, so that it was never on trial/,
  );
});

test("the status says why a node rolled back", async (t) => {
  const { run, fleet } = await scene(t);
  fleet.fails = (version) => version === "2.0.0";
  await run(canary("2.0.0"));
  fleet.pass(10);
  assert.match(
    await run({ t: "status" }),
    /t4-1 \(ring 1\) rolled back from 2\.0\.0 to 1\.0\.0: worker died: again and again/,
  );
});

/** A model that is published to ring 1, with the states that the nodes there report. */
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
  const printed: string[] = [];
  const widen = (mayFail = 0, data = sha256) =>
    checkObjectGate({ type, sha256: data, rings: { t: "all" } }, mayFail, {
      ...{ exchange, sync, service: "slipstream", nowMs: fleet.nowMs },
      print: (text) => printed.push(text),
    });
  return { widen, printed, run, fleet };
}

test("a model may go to more rings once it has passed on every node that has it", async (t) => {
  const { widen, printed, run } = await modelScene(t, { "t4-1": "passed", "nano-1": "passed" });
  await widen();
  assert.deepEqual(printed, ["street-2.0.0 for rings <= 1: 2 passed, 0 not passed, 0 silent"]);
  assert.match(await run({ t: "status" }), /^street-2\.0\.0 +rings <= 1 +2 +0 +0$/m);
});

test("a model that fails on a node goes no further, which holds for this publication alone", async (t) => {
  const { widen, printed, fleet } = await modelScene(t, { "t4-1": "passed", "nano-1": "failed" });
  await assert.rejects(widen(), { message: /not published: it has not passed on 1 node/ });
  assert.match(printed.join(), /nano-1: failed: half the frames/);
  await widen(1);
  fleet.says.clear();
  fleet.pass(1);
  await assert.rejects(widen(), { message: /not passed on 2 nodes/ });
  await widen(0, "b".repeat(64));
});

test("a report about an earlier publication of a model does not count", async (t) => {
  const { widen, printed } = await modelScene(t, { "t4-1": "passed", "nano-1": "passed#76" });
  await assert.rejects(widen(), { message: /not passed on 1 node/ });
  assert.match(printed.join(), /nano-1: has not received it yet/);
});

test("an error for wrong credentials does not show them", async (t) => {
  const { double } = await scene(t);
  const exchange = new Exchange({ url: double.url, org: "myorg", user: "me:wrong-password" });
  t.after(() => exchange.close());
  await assert.rejects(exchange.nodes(), (error: Error) => {
    assert.match(error.message, /returned 401 for GET nodes: invalid credentials/);
    assert.doesNotMatch(error.message, /wrong-password/);
    return true;
  });
});
