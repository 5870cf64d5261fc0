import assert from "node:assert/strict";
import { constants, createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { bundle, FILES } from "../../common/bundle/testing/archives.js";
import { eventually } from "../../common/testing/eventually.js";
import { HubBench } from "./testing/hub-bench.js";

const type = "slipstream-model";
const MB = 1024 * 1024;
const NOTHING: string[] = [];

function large(version: string): Promise<Buffer> {
  return bundle({ version, files: { ...FILES, "network.onnx": randomBytes(2 * MB) } });
}

test("a model is there whole before the service hears that it was received; a deletion falls back", async (t) => {
  const bench = await HubBench.start(t);
  const seen: string[] = [];
  bench.ess.beforeAnswer = (id, answer) => {
    seen.push(`${answer} ${id}: ${bench.model("street")}`);
  };
  assert.equal(bench.model("street"), "shipped");
  bench.ess.publish({ type, id: "street-1", data: await bundle({ version: "1.0.0" }) });
  await bench.happened("street-1", "received");
  bench.ess.publish({ type, id: "street-2", data: await bundle({ version: "2.0.0" }) });
  await bench.happened("street-2", "received");
  bench.ess.remove(type, "street-2");
  await bench.happened("street-2", "deleted");
  bench.ess.remove(type, "street-1");
  await bench.happened("street-1", "deleted");
  assert.deepEqual(seen, [
    "received street-1: 1.0.0",
    "received street-2: 2.0.0",
    "deleted street-2: 1.0.0",
    "deleted street-1: shipped",
  ]);
  assert.equal(bench.changes, 4);
  await bench.agent.store.hold([]);
  assert.deepEqual(bench.files(), NOTHING);
});

test("a download that breaks off goes on where it ended, after a restart of the agent too", async (t) => {
  const bench = await HubBench.start(t);
  const data = await large("1.0.0");
  bench.ess.cutAfter = MB;
  bench.ess.beforeData = () => {
    // Every further one breaks a little later.
    bench.ess.cutAfter ??= 300_000;
    if (bench.fetches("street") >= 3) bench.ess.cutAfter = undefined;
  };
  bench.ess.publish({ type, id: "street", data });
  await bench.happened("street", "delayed");
  await bench.restartAgent();
  await bench.happened("street", "received");
  assert.ok(bench.of("street").includes("resumed"));
  assert.equal(bench.model("street"), "1.0.0");
  // Some of what was sent last before each cut never came. From the beginning it would be 3.7 MB.
  assert.ok(bench.ess.sent < 1.5 * data.length, `${bench.ess.sent} of ${data.length}`);
});

test("a service that ignores ranges gives the whole again", async (t) => {
  const bench = await HubBench.start(t);
  const data = await large("1.0.0");
  bench.ess.ignoresRanges = true;
  bench.ess.cutAfter = MB;
  bench.ess.publish({ type, id: "street", data });
  await bench.happened("street", "received");
  assert.equal(bench.model("street"), "1.0.0");
  assert.equal(bench.ess.sent, data.length + MB);
});

test("a new version in the middle of a download is the one that is taken", async (t) => {
  const bench = await HubBench.start(t);
  const second = await large("2.0.0");
  bench.ess.cutAfter = MB;
  bench.ess.beforeData = () => {
    if (bench.fetches("street") === 1) bench.ess.publish({ type, id: "street", data: second });
  };
  bench.ess.publish({ type, id: "street", data: await large("1.0.0") });
  await eventually(() => bench.model("street") === "2.0.0", "the second is there");
  await bench.happened("street", "received");
  await bench.asked(2);
  assert.equal(bench.model("street@1.0.0"), "there is no street@1.0.0, but version 2.0.0");
  assert.ok(!bench.of("street").includes("refused"));
  assert.ok(!bench.files().some((name) => name.endsWith(".part")));
});

test("a new version whose data come under the old metadata is no damage of the old one", async (t) => {
  const bench = await HubBench.start(t);
  const second = await bundle({ version: "2.0.0", files: { ...FILES, "more.txt": "more" } });
  bench.ess.beforeData = () => {
    bench.ess.beforeData = undefined;
    bench.ess.publish({ type, id: "street", data: second });
  };
  // The service sends what it has when it is asked: here already the new data, for the old metadata.
  bench.ess.publish({ type, id: "street", data: await bundle({ version: "1.0.0" }) });
  await eventually(() => bench.model("street") === "2.0.0", "the second is there");
  assert.ok(!bench.of("street").includes("refused"));
});

test("data that are not what the hub says are fetched a few times and then refused, once and for all", async (t) => {
  const bench = await HubBench.start(t);
  const data = await bundle();
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const seal = (signed: Buffer) => ({
    hashAlgorithm: "SHA256",
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    signature: sign("sha256", signed, {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN,
    }).toString("base64"),
  });
  const other = Buffer.from("other data");
  const wrong = `sha256:${createHash("sha256").update(other).digest("hex")}`;
  const description = `for all. sha256:${createHash("sha256").update(data).digest("hex")}`;
  bench.ess.publish({ type, id: "short", data, meta: { objectSize: data.length + 1 } });
  bench.ess.publish({ type, id: "long", data, meta: { objectSize: data.length - 1 } });
  bench.ess.publish({ type, id: "hash", data, description: wrong });
  bench.ess.publish({ type, id: "seal", data, meta: seal(other) });
  bench.ess.publish({ type, id: "key", data, meta: { ...seal(data), publicKey: "bm8=" } });
  const bad = ["short", "long", "hash", "seal", "key"];
  for (const id of bad) await bench.happened(id, "received");
  await bench.restartAgent();
  await bench.asked(3);
  for (const id of bad) {
    assert.equal(bench.model("street"), "shipped");
    assert.deepEqual(bench.of(id), ["received"]);
  }
  assert.deepEqual(bench.files(), NOTHING);
  assert.equal(bench.fetches("hash"), 3);
  assert.match(bench.note("hub/model-ledger.json"), /the hub's signature does not fit \(SHA256\)/);

  bench.ess.publish({ type, id: "right", data, description, meta: seal(data) });
  await bench.happened("right", "taken");
  assert.equal(bench.model("street"), "1.0.0");
});

test("a bad bundle is refused with reason and path, and not fetched again until it changes", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish({ type, id: "street", data: await bundle({ boards: ["nano"] }) });
  bench.ess.publish({ type, id: "noise", data: randomBytes(5000) });
  await bench.happened("street", "received");
  await bench.happened("noise", "received");
  const refusals = bench.events.flatMap((it) => (it.t === "refused" ? [it.reason] : []));
  assert.match(
    refusals[0] ?? "",
    /^manifest\.json boards: street@1\.0\.0 is for nano, this board is t4$/,
  );
  assert.match(refusals[1] ?? "", /^archive: is cut short, damaged or no tar\.gz/);
  await bench.restartAgent();
  await bench.asked(3);
  assert.equal(bench.fetches("street"), 1);
  assert.deepEqual(bench.files(), NOTHING);
  bench.ess.publish({ type, id: "street", data: await bundle({ boards: ["nano", "t4"] }) });
  await bench.happened("street", "taken");
});

test("a model that no disk of this node can take is refused before a byte of it is fetched", async (t) => {
  const bench = await HubBench.start(t);
  bench.maxBytes = 1000;
  await bench.restartAgent();
  bench.ess.publish({ type, id: "street", data: randomBytes(1001) });
  await bench.happened("street", "refused");
  assert.equal(bench.fetches("street"), 0);
  // More disk: it is looked at again.
  bench.maxBytes = 1e6;
  await bench.restartAgent();
  await eventually(() => bench.fetches("street") > 0, "it is fetched");
});

test("new metadata of the same data cost no download", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish({ type, id: "street", data: await bundle() });
  await bench.happened("street", "received");
  bench.ess.republish(type, "street", { description: "for everybody" });
  await eventually(
    () => bench.of("street").filter((it) => it === "received").length === 2,
    "renewed",
  );
  await bench.asked(2);
  assert.equal(bench.fetches("street"), 1);
  bench.agent.hub.confirmed(["street@1.0.0"]);
  await bench.happened("street", "consumed");
});

test("an object that goes back to an older version takes the newer one out of sight", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish({ type, id: "street", data: await bundle({ version: "2.0.0" }) });
  await eventually(() => bench.model("street") === "2.0.0", "the second is there");
  bench.ess.publish({ type, id: "street", data: await bundle({ version: "1.0.0" }) });
  await eventually(() => bench.model("street") === "1.0.0", "the first is there");
  bench.ess.publish({ type, id: "street", data: await bundle({ version: "2.0.0" }) });
  await eventually(() => bench.model("street") === "2.0.0", "the second is there again");
});

test("a model that came in two objects stays until both are deleted", async (t) => {
  const bench = await HubBench.start(t);
  const data = await bundle();
  bench.ess.publish({ type, id: "a", data });
  bench.ess.publish({ type, id: "b", data });
  await bench.happened("a", "received");
  await bench.happened("b", "received");
  bench.ess.remove(type, "a");
  await bench.happened("a", "deleted");
  assert.equal(bench.model("street"), "1.0.0");
  bench.ess.remove(type, "b");
  await bench.happened("b", "deleted");
  assert.equal(bench.model("street"), "shipped");
});

test("an object that does not come holds up neither settings nor other models for long", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.beforeData = (id) => (id === "stuck" ? new Promise(() => {}) : undefined);
  bench.ess.publish({ type, id: "stuck", data: await bundle() });
  await eventually(() => bench.of("stuck").includes("arriving"), "it is fetched");
  const settings = { type: "slipstream-settings", id: "site", data: Buffer.from("hello") };
  bench.ess.publish(settings);
  await bench.happened("site", "received");
  assert.equal(bench.text, "hello");
});

test("parts of several objects do not add up on the disk", async (t) => {
  const bench = await HubBench.start(t);
  const [one, two] = [await large("1.0.0"), await large("2.0.0")];
  const parts: number[] = [];
  bench.ess.beforeData = () => {
    parts.push(bench.files().filter((name) => name.endsWith(".part")).length);
    if (parts.length <= 6) bench.ess.cutAfter = 100_000;
  };
  bench.ess.publish({ type, id: "one", data: one });
  bench.ess.publish({ type, id: "two", data: two });
  await bench.happened("one", "received");
  await bench.happened("two", "received");
  assert.ok(parts.length > 6);
  assert.equal(Math.max(...parts), 1);
});

test("a disk that fails delays, refuses nothing, and leaves the object for later", async (t) => {
  const bench = await HubBench.start(t);
  const place = join(bench.state, "hub", "incoming", type);
  mkdirSync(join(place, ".."), { recursive: true });
  writeFileSync(place, "a file in the place of the directory");
  bench.ess.publish({ type, id: "street", data: await bundle() });
  await bench.happened("street", "delayed");
  await bench.asked(3);
  rmSync(place);
  await bench.happened("street", "received");
  assert.equal(bench.model("street"), "1.0.0");
});

test("what somebody else has put among the downloads is removed, and hinders nothing", async (t) => {
  const bench = await HubBench.start(t);
  mkdirSync(join(bench.state, "hub", "incoming", type, "folder", "in it"), { recursive: true });
  bench.ess.publish({ type, id: "street", data: await bundle() });
  await bench.happened("street", "received");
  await bench.asked(2);
  assert.deepEqual(readdirSync(join(bench.state, "hub", "incoming", type)), []);
});

test("a lost store is filled again; what was removed for want of room is not fetched again", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish({ type, id: "street", data: await bundle() });
  await bench.happened("street", "received");
  await bench.stopAgent();
  rmSync(bench.storeDirectory, { recursive: true });
  await bench.restartAgent();
  await bench.happened("street", "taken");
  assert.equal(bench.model("street"), "1.0.0");

  bench.maxBytes = 3 * MB;
  await bench.restartAgent();
  await bench.agent.store.hold([]);
  const files = { ...FILES, "network.onnx": Buffer.alloc(2 * MB, randomBytes(20_000)) };
  bench.ess.publish({ type, id: "big", data: await bundle({ name: "big", files }) });
  await bench.happened("big", "received");
  bench.ess.publish({ type, id: "bigger", data: await bundle({ name: "bigger", files }) });
  await bench.happened("bigger", "received");
  await bench.asked(3);
  assert.equal(bench.fetches("big"), 1);
  assert.match(bench.model("big"), /^there is no model big/);
});
