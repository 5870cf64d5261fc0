import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { documentKey } from "../../common/hub/documents.js";
import { eventually } from "../../common/testing/eventually.js";
import { HubFixture } from "./testing/hub-fixture.js";

const type = "slipstream-settings";

function document(id: string, text: string) {
  return { type, id, data: Buffer.from(text) };
}

test("a document is durable before it is acknowledged as received", async (t) => {
  const fixture = await HubFixture.start(t);
  const seen: string[] = [];
  fixture.ess.beforeAck = (id, ack) => {
    seen.push(`${ack} ${id}: ${fixture.stateFile("hub/settings.json").includes("hello")}`);
    seen.push(String(fixture.stateFile("hub/settings-ledger.json").includes('"accepted"')));
  };
  fixture.ess.publish({ ...document("site", "hello"), version: "7" });
  await fixture.until("site", "received");
  assert.deepEqual(seen, ["received site: true", "true"]);
  assert.deepEqual(fixture.of("site"), ["downloading", "accepted", "received"]);
  assert.equal(fixture.text, "hello");
  assert.equal(fixture.agent.documents.current()?.version, "7");
  assert.equal(fixture.changes, 1);
  assert.deepEqual(fixture.files(), []);
});

test("nothing is downloaded twice, even after a restart of either side", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish(document("site", "hello"));
  await fixture.until("site", "received");
  await fixture.polled(3);
  await fixture.ess.restart();
  await fixture.polled(3);
  await fixture.restartAgent();
  assert.equal(fixture.text, "hello");
  await fixture.until("site", "received");
  await fixture.polled(3);
  assert.equal(fixture.fetches("site"), 1);
  assert.deepEqual(fixture.of("site"), ["received"]);
});

test("documents are downloaded again when the agent's state is lost", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish(document("site", "hello"));
  await fixture.until("site", "received");
  await fixture.stopAgent();
  rmSync(fixture.state, { recursive: true });
  await fixture.restartAgent();
  await fixture.until("site", "accepted");
  assert.equal(fixture.text, "hello");
});

test("damaged state files are reported, and the documents downloaded again", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish(document("site", "hello"));
  await fixture.until("site", "received");
  await fixture.stopAgent();
  writeFileSync(join(fixture.state, "hub/settings.json"), '{"format":1,"docum');
  writeFileSync(join(fixture.state, "hub", "settings-ledger.json"), "\0\0\0");
  await fixture.restartAgent();
  await fixture.until("site", "accepted");
  assert.equal(fixture.text, "hello");
  assert.equal(fixture.events.filter(({ t }) => t === "state lost").length, 2);
});

test("a new version replaces the old one; a bad one does not, and is not downloaded again", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish(document("site", "one"));
  await eventually(() => fixture.text === "one", "the first version is there");
  fixture.ess.publish(document("site", "two"));
  await eventually(() => fixture.text === "two", "the second version is there");
  fixture.ess.publish(document("site", "bad three"));
  await fixture.until("site", "refused");
  await fixture.polled(3);
  await fixture.restartAgent();
  await fixture.polled(3);
  assert.equal(fixture.text, "two");
  assert.equal(fixture.fetches("site"), 3);
  assert.deepEqual(fixture.of("site"), ["received"]);

  fixture.ess.publish(document("site", "four"));
  await eventually(() => fixture.text === "four", "the fourth version is there");
});

test("a refusal has its reasons; another version of the agent processes the object again", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.check = () => ["cameras[0].uri: no address", "bitrate: too low"];
  fixture.ess.publish(document("site", "new field"));
  await fixture.until("site", "refused");
  const refusal = fixture.events.find((event) => event.t === "refused");
  assert.equal(refusal?.reason, "cameras[0].uri: no address; bitrate: too low");
  fixture.check = () => [];
  fixture.version = "1.1.0";
  await fixture.restartAgent();
  await fixture.until("site", "accepted");
  assert.equal(fixture.text, "new field");
});

test("binary data, an object without data, and one that is far too large are refused, the last without a download", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish({ type, id: "binary", data: Buffer.from([0xff, 0xfe]) });
  fixture.ess.publish({ type, id: "empty" });
  fixture.ess.publish({ type, id: "huge", data: Buffer.alloc(2 * 1024 * 1024) });
  for (const id of ["binary", "empty", "huge"]) await fixture.until(id, "refused");
  assert.equal(fixture.fetches("huge"), 0);
  assert.equal(fixture.text, undefined);
  assert.deepEqual(fixture.files(), []);
});

test("of several documents the one published last is active; after its deletion the previous one is", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish(document("fleet", "fleet 1"));
  fixture.ess.publish(document("site", "site 1"));
  await eventually(() => fixture.text === "site 1", "the newest is active");
  fixture.ess.publish(document("fleet", "fleet 2"));
  await eventually(() => fixture.text === "fleet 2", "the newest is active");

  fixture.ess.beforeAck = (id, ack) => {
    if (ack === "deleted") assert.ok(!fixture.stateFile("hub/settings.json").includes(id));
  };
  fixture.ess.remove(type, "fleet");
  await fixture.until("fleet", "deleted");
  assert.equal(fixture.text, "site 1");
  assert.equal(fixture.ess.statusOf(type, "fleet"), undefined);
  fixture.ess.remove(type, "site");
  await fixture.until("site", "deleted");
  assert.equal(fixture.text, undefined);
  await fixture.restartAgent();
  await fixture.polled(2);
  assert.equal(fixture.text, undefined);
});

test("a document whose object disappears without a deletion stays active: the service may have lost its state", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish(document("site", "hello"));
  await fixture.until("site", "received");
  await fixture.agent.client.acknowledge(type, "site", "consumed", new AbortController().signal);
  await fixture.polled(3);
  assert.equal(fixture.text, "hello");
});

test("confirmed content is acknowledged as consumed, and can still be deleted", async (t) => {
  const fixture = await HubFixture.start(t);
  const instance = fixture.ess.publish(document("site", "hello"));
  fixture.ess.publish(document("other", "bad"));
  await fixture.until("site", "received");
  await fixture.until("other", "received");
  await fixture.polled(2);
  assert.equal(fixture.ess.statusOf(type, "site"), "objreceived");
  fixture.agent.hub.confirmed([documentKey({ id: "site", instance })]);
  await fixture.until("site", "consumed");
  assert.equal(fixture.ess.statusOf(type, "site"), undefined);
  assert.equal(fixture.ess.statusOf(type, "other"), "objreceived");
  await fixture.restartAgent();
  assert.equal(fixture.text, "hello");

  // The service recreates an object that the hub deletes.
  fixture.ess.publish(document("site", "hello"), "objdeleted");
  await fixture.until("site", "deleted");
  assert.equal(fixture.text, undefined);
});

test("withdrawn documents are remembered over a restart, until they are sent again", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.publish(document("site", "hello"));
  fixture.ess.publish(document("other", "hello"));
  await fixture.until("other", "received");
  const isWithdrawn = () => fixture.agent.documents.isWithdrawn("hello");
  assert.equal(isWithdrawn(), false);
  fixture.ess.remove(type, "site");
  await fixture.until("site", "deleted");
  assert.equal(isWithdrawn(), false); // another object has the same text
  fixture.ess.remove(type, "other");
  await fixture.until("other", "deleted");
  assert.equal(isWithdrawn(), true);
  await fixture.restartAgent();
  assert.equal(isWithdrawn(), true);
  fixture.ess.publish(document("third", "hello"));
  await fixture.until("third", "received");
  assert.equal(isWithdrawn(), false);
});

test("a document that is published during an acknowledgement is not overlooked", async (t) => {
  const fixture = await HubFixture.start(t);
  fixture.ess.beforeAck = () => {
    fixture.ess.beforeAck = undefined;
    fixture.ess.publish(document("site", "two"));
  };
  fixture.ess.publish(document("site", "one"));
  await eventually(() => fixture.text === "two", "the second version is there");
});

test("a large number of documents neither fills the disk nor keeps the agent busy", async (t) => {
  const fixture = await HubFixture.start(t);
  for (let i = 0; i < 20; i++) fixture.ess.publish(document(`d${i}`, `text ${i}`));
  await fixture.until("d19", "received");
  assert.equal(fixture.text, "text 19");
  await fixture.polled(3);
  const fetches = fixture.ess.calls.filter((call) => call.includes("/data ")).length;
  assert.equal(fetches, 20);
  assert.ok(!fixture.stateFile("hub/settings.json").includes("text 3"));
});
