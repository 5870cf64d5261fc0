import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { documentKey } from "../../common/hub/documents.js";
import { eventually } from "../../common/testing/eventually.js";
import { HubBench } from "./testing/hub-bench.js";

const type = "slipstream-settings";

function document(id: string, text: string) {
  return { type, id, data: Buffer.from(text) };
}

test("a document is durable before the service hears that it was received", async (t) => {
  const bench = await HubBench.start(t);
  const seen: string[] = [];
  bench.ess.beforeAnswer = (id, answer) => {
    seen.push(`${answer} ${id}: ${bench.note("hub/settings.json").includes("hello")}`);
    seen.push(String(bench.note("hub/settings-ledger.json").includes('"taken"')));
  };
  bench.ess.publish({ ...document("site", "hello"), version: "7" });
  await bench.happened("site", "received");
  assert.deepEqual(seen, ["received site: true", "true"]);
  assert.deepEqual(bench.of("site"), ["arriving", "taken", "received"]);
  assert.equal(bench.text, "hello");
  assert.equal(bench.agent.documents.current()?.version, "7");
  assert.equal(bench.changes, 1);
  assert.deepEqual(bench.files(), []);
});

test("nothing is fetched twice: not while it stays, not after a restart of either side", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish(document("site", "hello"));
  await bench.happened("site", "received");
  await bench.asked(3);
  await bench.ess.restart();
  await bench.asked(3);
  await bench.restartAgent();
  assert.equal(bench.text, "hello");
  await bench.happened("site", "received");
  await bench.asked(3);
  assert.equal(bench.fetches("site"), 1);
  assert.deepEqual(bench.of("site"), ["received"]);
});

test("when the agent's state is lost, the documents are taken again", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish(document("site", "hello"));
  await bench.happened("site", "received");
  await bench.stopAgent();
  rmSync(bench.state, { recursive: true });
  await bench.restartAgent();
  await bench.happened("site", "taken");
  assert.equal(bench.text, "hello");
});

test("notes that are damaged are told, and the documents taken again", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish(document("site", "hello"));
  await bench.happened("site", "received");
  await bench.stopAgent();
  writeFileSync(join(bench.state, "hub/settings.json"), '{"format":1,"docum');
  writeFileSync(join(bench.state, "hub", "settings-ledger.json"), "\0\0\0");
  await bench.restartAgent();
  await bench.happened("site", "taken");
  assert.equal(bench.text, "hello");
  assert.equal(bench.events.filter(({ t }) => t === "forgotten").length, 2);
});

test("a new version takes the place of the old one; a bad one does not, and is not fetched again", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish(document("site", "one"));
  await eventually(() => bench.text === "one", "the first is there");
  bench.ess.publish(document("site", "two"));
  await eventually(() => bench.text === "two", "the second is there");
  bench.ess.publish(document("site", "bad three"));
  await bench.happened("site", "refused");
  await bench.asked(3);
  await bench.restartAgent();
  await bench.asked(3);
  assert.equal(bench.text, "two");
  assert.equal(bench.fetches("site"), 3);
  assert.deepEqual(bench.of("site"), ["received"]);

  bench.ess.publish(document("site", "four"));
  await eventually(() => bench.text === "four", "the fourth is there");
});

test("a refusal says why; another version of the agent looks again", async (t) => {
  const bench = await HubBench.start(t);
  bench.check = () => ["cameras[0].uri: no address", "bitrate: too low"];
  bench.ess.publish(document("site", "new field"));
  await bench.happened("site", "refused");
  const refusal = bench.events.find((event) => event.t === "refused");
  assert.equal(refusal?.reason, "cameras[0].uri: no address; bitrate: too low");
  bench.check = () => [];
  bench.version = "1.1.0";
  await bench.restartAgent();
  await bench.happened("site", "taken");
  assert.equal(bench.text, "new field");
});

test("what is no text, has no data or is far too large is refused, the last without being fetched", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish({ type, id: "binary", data: Buffer.from([0xff, 0xfe]) });
  bench.ess.publish({ type, id: "empty" });
  bench.ess.publish({ type, id: "huge", data: Buffer.alloc(2 * 1024 * 1024) });
  for (const id of ["binary", "empty", "huge"]) await bench.happened(id, "refused");
  assert.equal(bench.fetches("huge"), 0);
  assert.equal(bench.text, undefined);
  assert.deepEqual(bench.files(), []);
});

test("of several objects the one that was published last counts; a deletion falls back", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish(document("fleet", "fleet 1"));
  bench.ess.publish(document("site", "site 1"));
  await eventually(() => bench.text === "site 1", "the newest counts");
  bench.ess.publish(document("fleet", "fleet 2"));
  await eventually(() => bench.text === "fleet 2", "the newest counts");
  assert.equal(bench.agent.documents.previous()?.text, "site 1");

  bench.ess.beforeAnswer = (id, answer) => {
    if (answer === "deleted") assert.ok(!bench.note("hub/settings.json").includes(id));
  };
  bench.ess.remove(type, "fleet");
  await bench.happened("fleet", "deleted");
  assert.equal(bench.text, "site 1");
  assert.equal(bench.ess.statusOf(type, "fleet"), undefined);
  bench.ess.remove(type, "site");
  await bench.happened("site", "deleted");
  assert.equal(bench.text, undefined);
  await bench.restartAgent();
  await bench.asked(2);
  assert.equal(bench.text, undefined);
});

test("an object that is gone without a word stays in force: the service may have lost its memory", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish(document("site", "hello"));
  await bench.happened("site", "received");
  await bench.agent.client.answer(type, "site", "consumed", new AbortController().signal);
  await bench.asked(3);
  assert.equal(bench.text, "hello");
});

test("consumed is answered when it has proven good, and a deletion is heard all the same", async (t) => {
  const bench = await HubBench.start(t);
  const instance = bench.ess.publish(document("site", "hello"));
  bench.ess.publish(document("other", "bad"));
  await bench.happened("site", "received");
  await bench.happened("other", "received");
  await bench.asked(2);
  assert.equal(bench.ess.statusOf(type, "site"), "objreceived");
  bench.agent.hub.confirmed([documentKey({ id: "site", instance })]);
  await bench.happened("site", "consumed");
  assert.equal(bench.ess.statusOf(type, "site"), undefined);
  assert.equal(bench.ess.statusOf(type, "other"), "objreceived");
  await bench.restartAgent();
  assert.equal(bench.text, "hello");

  // The service recreates an object that the hub deletes.
  bench.ess.publish(document("site", "hello"), "objdeleted");
  await bench.happened("site", "deleted");
  assert.equal(bench.text, undefined);
});

test("what the hub has withdrawn is known as such after a restart, until it is sent again", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.publish(document("site", "hello"));
  bench.ess.publish(document("other", "hello"));
  await bench.happened("other", "received");
  const isWithdrawn = () => bench.agent.documents.isWithdrawn("hello");
  assert.equal(isWithdrawn(), false);
  bench.ess.remove(type, "site");
  await bench.happened("site", "deleted");
  assert.equal(isWithdrawn(), false); // another object says the same
  bench.ess.remove(type, "other");
  await bench.happened("other", "deleted");
  assert.equal(isWithdrawn(), true);
  await bench.restartAgent();
  assert.equal(isWithdrawn(), true);
  bench.ess.publish(document("third", "hello"));
  await bench.happened("third", "received");
  assert.equal(isWithdrawn(), false);
});

test("a document that comes while the answer to another is lost is not overlooked", async (t) => {
  const bench = await HubBench.start(t);
  bench.ess.beforeAnswer = () => {
    bench.ess.beforeAnswer = undefined;
    bench.ess.publish(document("site", "two"));
  };
  bench.ess.publish(document("site", "one"));
  await eventually(() => bench.text === "two", "the second is there");
});

test("far more objects than anybody needs neither fill the disk nor keep the agent busy", async (t) => {
  const bench = await HubBench.start(t);
  for (let i = 0; i < 20; i++) bench.ess.publish(document(`d${i}`, `text ${i}`));
  await bench.happened("d19", "received");
  assert.equal(bench.text, "text 19");
  await bench.asked(3);
  const fetches = bench.ess.calls.filter((call) => call.includes("/data ")).length;
  assert.equal(fetches, 20);
  assert.ok(!bench.note("hub/settings.json").includes("text 3"));
});
