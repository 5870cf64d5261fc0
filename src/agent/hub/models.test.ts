import assert from "node:assert/strict";
import { constants, createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { bundle, FILES } from "../../common/bundle/testing/archives.js";
import { eventually } from "../../common/testing/eventually.js";
import { HubFixture } from "./testing/hub-fixture.js";

const type = "slipstream-model";
const MB = 1024 * 1024;
const NOTHING: string[] = [];

function large(version: string): Promise<Buffer> {
  return bundle({ version, files: { ...FILES, "network.onnx": randomBytes(2 * MB) } });
}

test("a model is installed before it is acknowledged as received; after its deletion the previous one is used", async (t) => {
  const fixture = await HubFixture.start(t);
  const seen: string[] = [];
  fixture.ess.beforeAck = (id, ack) => {
    seen.push(`${ack} ${id}: ${fixture.model("street")}`);
  };
  assert.equal(fixture.model("street"), "shipped");
  fixture.ess.publish({ type, id: "street-1", data: await bundle({ version: "1.0.0" }) });
  await fixture.until("street-1", "received");
  fixture.ess.publish({ type, id: "street-2", data: await bundle({ version: "2.0.0" }) });
  await fixture.until("street-2", "received");
  fixture.ess.remove(type, "street-2");
  await fixture.until("street-2", "deleted");
  fixture.ess.remove(type, "street-1");
  await fixture.until("street-1", "deleted");
  assert.deepEqual(seen, [
    "received street-1: 1.0.0",
    "received street-2: 2.0.0",
    "deleted street-2: 1.0.0",
    "deleted street-1: shipped",
  ]);
  assert.equal(fixture.changes, 4);
  await fixture.agent.store.hold([]);
  assert.deepEqual(fixture.files(), NOTHING);
});

test("an interrupted download is resumed, also after a restart of the agent", async (t) => {
  const fixture = await HubFixture.start(t);
  const data = await large("1.0.0");
  fixture.ess.cutAfter = MB;
  fixture.ess.beforeData = () => {
    // Every further download breaks a little later.
    fixture.ess.cutAfter ??= 300_000;
    if (fixture.fetches("street") >= 3) fixture.ess.cutAfter = undefined;
  };
  fixture.ess.publish({ type, id: "street", data });
  await fixture.until("street", "postponed");
  await fixture.restartAgent();
  await fixture.until("street", "received");
  assert.ok(fixture.of("street").includes("resumed"));
  assert.equal(fixture.model("street"), "1.0.0");
  // Some bytes sent before each break never arrived. Without resuming it would be 3.7 MB.
  assert.ok(fixture.ess.sent < 1.5 * data.length, `${fixture.ess.sent} of ${data.length}`);
});

test("a service that ignores ranges sends everything again", async (t) => {
  const fixture = await HubFixture.start(t);
  const data = await large("1.0.0");
  fixture.ess.ignoresRanges = true;
  fixture.ess.cutAfter = MB;
  fixture.ess.publish({ type, id: "street", data });
  await fixture.until("street", "received");
  assert.equal(fixture.model("street"), "1.0.0");
  assert.equal(fixture.ess.sent, data.length + MB);
});

test("a new version that is published during a download is the one that is accepted", async (t) => {
  const fixture = await HubFixture.start(t);
  const second = await large("2.0.0");
  fixture.ess.cutAfter = MB;
  fixture.ess.beforeData = () => {
    if (fixture.fetches("street") === 1) fixture.ess.publish({ type, id: "street", data: second });
  };
  fixture.ess.publish({ type, id: "street", data: await large("1.0.0") });
  await eventually(() => fixture.model("street") === "2.0.0", "the second version is there");
  await fixture.until("street", "received");
  await fixture.polled(2);
  assert.equal(fixture.model("street@1.0.0"), "there is no street@1.0.0, but version 2.0.0");
  assert.ok(!fixture.of("street").includes("refused"));
  assert.ok(!fixture.files().some((name) => name.endsWith(".part")));
});

test("data of a new version under the old metadata do not count as damage", async (t) => {
  const fixture = await HubFixture.start(t);
  const second = await bundle({ version: "2.0.0", files: { ...FILES, "more.txt": "more" } });
  fixture.ess.beforeData = () => {
    fixture.ess.beforeData = undefined;
    fixture.ess.publish({ type, id: "street", data: second });
  };
  // The service sends the data that it has when it is asked: here the new data for the old metadata.
  fixture.ess.publish({ type, id: "street", data: await bundle({ version: "1.0.0" }) });
  await eventually(() => fixture.model("street") === "2.0.0", "the second version is there");
  assert.ok(!fixture.of("street").includes("refused"));
});

test("data that do not match their metadata are downloaded three times and then refused for good", async (t) => {
  const fixture = await HubFixture.start(t);
  const data = await bundle();
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const signature = (signed: Buffer) => ({
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
  fixture.ess.publish({ type, id: "short", data, meta: { objectSize: data.length + 1 } });
  fixture.ess.publish({ type, id: "long", data, meta: { objectSize: data.length - 1 } });
  fixture.ess.publish({ type, id: "hash", data, description: wrong });
  fixture.ess.publish({ type, id: "signature", data, meta: signature(other) });
  fixture.ess.publish({ type, id: "key", data, meta: { ...signature(data), publicKey: "bm8=" } });
  const bad = ["short", "long", "hash", "signature", "key"];
  for (const id of bad) await fixture.until(id, "received");
  await fixture.restartAgent();
  await fixture.polled(3);
  for (const id of bad) {
    assert.equal(fixture.model("street"), "shipped");
    assert.deepEqual(fixture.of(id), ["received"]);
  }
  assert.deepEqual(fixture.files(), NOTHING);
  assert.equal(fixture.fetches("hash"), 3);
  assert.match(
    fixture.stateFile("hub/model-ledger.json"),
    /the hub's signature does not match \(SHA256\)/,
  );

  fixture.ess.publish({ type, id: "right", data, description, meta: signature(data) });
  await fixture.until("right", "accepted");
  assert.equal(fixture.model("street"), "1.0.0");
});

test("a bad bundle is refused with reason and path, and not downloaded again until it changes", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish({ type, id: "street", data: await bundle({ boards: ["nano"] }) });
  fixture.ess.publish({ type, id: "noise", data: randomBytes(5000) });
  await fixture.until("street", "received");
  await fixture.until("noise", "received");
  const refusals = fixture.events.flatMap((it) => (it.t === "refused" ? [it.reason] : []));
  assert.match(
    refusals[0] ?? "",
    /^manifest\.json boards: street@1\.0\.0 is for nano, this board is t4$/,
  );
  assert.match(refusals[1] ?? "", /^archive: is truncated, damaged or not a tar\.gz/);
  await fixture.restartAgent();
  await fixture.polled(3);
  assert.equal(fixture.fetches("street"), 1);
  assert.deepEqual(fixture.files(), NOTHING);
  fixture.ess.publish({ type, id: "street", data: await bundle({ boards: ["nano", "t4"] }) });
  await fixture.until("street", "accepted");
});

test("a model that is larger than the configured disk is refused without a download", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.maxBytes = 1000;
  await fixture.restartAgent();
  fixture.ess.publish({ type, id: "street", data: randomBytes(1001) });
  await fixture.until("street", "refused");
  assert.equal(fixture.fetches("street"), 0);
  // With more disk the object is processed again.
  fixture.maxBytes = 1e6;
  await fixture.restartAgent();
  await eventually(() => fixture.fetches("street") > 0, "it is downloaded");
});

test("new metadata for the same data cause no download", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish({ type, id: "street", data: await bundle() });
  await fixture.until("street", "received");
  fixture.ess.republish(type, "street", { description: "for everybody" });
  await eventually(
    () => fixture.of("street").filter((it) => it === "received").length === 2,
    "renewed",
  );
  await fixture.polled(2);
  assert.equal(fixture.fetches("street"), 1);
  fixture.agent.hub.confirmed(["street@1.0.0"]);
  await fixture.until("street", "consumed");
});

test("when an object goes back to an older version, the newer one is no longer found", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish({ type, id: "street", data: await bundle({ version: "2.0.0" }) });
  await eventually(() => fixture.model("street") === "2.0.0", "the second version is there");
  fixture.ess.publish({ type, id: "street", data: await bundle({ version: "1.0.0" }) });
  await eventually(() => fixture.model("street") === "1.0.0", "the first version is there");
  fixture.ess.publish({ type, id: "street", data: await bundle({ version: "2.0.0" }) });
  await eventually(() => fixture.model("street") === "2.0.0", "the second version is there again");
});

test("a model from two objects stays until both are deleted", async (t) => {
  const fixture = await HubFixture.start(t);
  const data = await bundle();
  fixture.ess.publish({ type, id: "a", data });
  fixture.ess.publish({ type, id: "b", data });
  await fixture.until("a", "received");
  await fixture.until("b", "received");
  fixture.ess.remove(type, "a");
  await fixture.until("a", "deleted");
  assert.equal(fixture.model("street"), "1.0.0");
  fixture.ess.remove(type, "b");
  await fixture.until("b", "deleted");
  assert.equal(fixture.model("street"), "shipped");
});

test("a stuck download of a model does not hold up settings", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.beforeData = (id) => (id === "stuck" ? new Promise(() => {}) : undefined);
  fixture.ess.publish({ type, id: "stuck", data: await bundle() });
  await eventually(() => fixture.of("stuck").includes("downloading"), "it is downloaded");
  const settings = { type: "slipstream-settings", id: "site", data: Buffer.from("hello") };
  fixture.ess.publish(settings);
  await fixture.until("site", "received");
  assert.equal(fixture.text, "hello");
});

test("unfinished downloads of several objects do not add up on the disk", async (t) => {
  const fixture = await HubFixture.start(t);
  const [one, two] = [await large("1.0.0"), await large("2.0.0")];
  const parts: number[] = [];
  fixture.ess.beforeData = () => {
    parts.push(fixture.files().filter((name) => name.endsWith(".part")).length);
    if (parts.length <= 6) fixture.ess.cutAfter = 100_000;
  };
  fixture.ess.publish({ type, id: "one", data: one });
  fixture.ess.publish({ type, id: "two", data: two });
  await fixture.until("one", "received");
  await fixture.until("two", "received");
  assert.ok(parts.length > 6);
  assert.equal(Math.max(...parts), 1);
});

test("a disk error postpones an object and does not refuse it", async (t) => {
  const fixture = await HubFixture.start(t);
  const place = join(fixture.state, "hub", "incoming", type);
  mkdirSync(join(place, ".."), { recursive: true });
  writeFileSync(place, "a file in place of the directory");
  fixture.ess.publish({ type, id: "street", data: await bundle() });
  await fixture.until("street", "postponed");
  await fixture.polled(3);
  rmSync(place);
  await fixture.until("street", "received");
  assert.equal(fixture.model("street"), "1.0.0");
});

test("foreign files among the downloads are removed and do no harm", async (t) => {
  const fixture = await HubFixture.start(t);
  mkdirSync(join(fixture.state, "hub", "incoming", type, "folder", "in it"), { recursive: true });
  fixture.ess.publish({ type, id: "street", data: await bundle() });
  await fixture.until("street", "received");
  await fixture.polled(2);
  assert.deepEqual(readdirSync(join(fixture.state, "hub", "incoming", type)), []);
});

test("the models of a lost store are downloaded again; evicted ones are not", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish({ type, id: "street", data: await bundle() });
  await fixture.until("street", "received");
  await fixture.stopAgent();
  rmSync(fixture.storeDirectory, { recursive: true });
  await fixture.restartAgent();
  await fixture.until("street", "accepted");
  assert.equal(fixture.model("street"), "1.0.0");

  fixture.maxBytes = 3 * MB;
  await fixture.restartAgent();
  await fixture.agent.store.hold([]);
  const files = { ...FILES, "network.onnx": Buffer.alloc(2 * MB, randomBytes(20_000)) };
  fixture.ess.publish({ type, id: "big", data: await bundle({ name: "big", files }) });
  await fixture.until("big", "received");
  fixture.ess.publish({ type, id: "bigger", data: await bundle({ name: "bigger", files }) });
  await fixture.until("bigger", "received");
  await fixture.polled(3);
  assert.equal(fixture.fetches("big"), 1);
  assert.match(fixture.model("big"), /^there is no model big/);
});
