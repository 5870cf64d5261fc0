import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import test, { type TestContext } from "node:test";
import { EssError } from "./ess.js";
import { EssClient } from "./ess-client.js";
import { selfSigned } from "./testing/certificate.js";
import { EssDouble } from "./testing/ess-double.js";

const TYPE = "slipstream-model";
const { signal } = new AbortController();

async function connect(t: TestContext, timing: { timeoutMs?: number; stallMs?: number } = {}) {
  const ess = await EssDouble.start();
  const { address } = ess;
  const client = new EssClient({ address, timeoutMs: 30_000, stallMs: 30_000, ...timing });
  t.after(async () => {
    client.close();
    await ess.stop();
  });
  return { ess, client };
}

async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of chunks) text += chunk.toString();
  return text;
}

/** Code and message of the error that a call throws. */
async function failure(call: Promise<unknown>, secret: string): Promise<[string, string]> {
  const reason = await call.then(
    () => assert.fail("it did not fail"),
    (err: unknown) => err,
  );
  assert.ok(reason instanceof EssError, String(reason));
  assert.ok(!JSON.stringify([reason.message, String(reason.cause)]).includes(secret));
  return [reason.code, reason.message];
}

test("the 404 for an empty list is not an error", async (t) => {
  const { ess, client } = await connect(t);
  assert.deepEqual(await client.list(TYPE, signal), []);
  assert.deepEqual(ess.calls, ["GET slipstream-model 404"]);
});

test("objects have the fields that the agent needs", async (t) => {
  const { ess, client } = await connect(t);
  const signature = { hashAlgorithm: "SHA256", publicKey: "a2V5", signature: "c2ln" };
  const data = Buffer.from("data");
  const instance = ess.publish({ type: TYPE, id: "a b/c", version: "1.2", data, meta: signature });
  const expected = {
    type: TYPE,
    id: "a b/c",
    version: "1.2",
    description: "",
    instance,
    dataId: instance,
    bytes: 4,
    hasData: true,
    isDeleted: false,
    signature,
  };
  assert.deepEqual(await client.list(TYPE, signal), [expected]);
  assert.deepEqual(await client.object(TYPE, "a b/c", signal), expected);
  assert.equal(await client.object(TYPE, "other", signal), undefined);
});

test("versions keep all 64 bits, whatever a description contains", async (t) => {
  const { ess, client } = await connect(t);
  const description = '"instanceID": 7, \\"dataID\\": 8';
  const one = ess.publish({ type: TYPE, id: "a", description });
  const two = ess.publish({ type: TYPE, id: "b" });
  assert.equal(Number(one), Number(two));
  const objects = await client.list(TYPE, signal);
  assert.deepEqual(
    objects.map(({ id, instance }) => [id, instance]),
    [
      ["a", one],
      ["b", two],
    ],
  );
  assert.equal(objects[0]?.description, description);
});

test("data are read whole or from a range, which the service may ignore", async (t) => {
  const { ess, client } = await connect(t);
  ess.publish({ type: TYPE, id: "a", data: Buffer.from("0123456789") });
  const whole = await client.data(TYPE, "a", undefined, signal);
  assert.deepEqual([whole.offset, await bytesOf(whole.chunks)], [0, "0123456789"]);
  const part = await client.data(TYPE, "a", { first: 3, last: 5 }, signal);
  assert.deepEqual([part.offset, await bytesOf(part.chunks)], [3, "345"]);
  ess.ignoresRanges = true;
  const ignored = await client.data(TYPE, "a", { first: 3, last: 5 }, signal);
  assert.deepEqual([ignored.offset, await bytesOf(ignored.chunks)], [0, "0123456789"]);
});

test("a connection that breaks during a download is an error after the data that came", async (t) => {
  const { ess, client } = await connect(t);
  ess.publish({ type: TYPE, id: "a", data: Buffer.from("0123456789") });
  ess.cutAfter = 4;
  const { chunks } = await client.data(TYPE, "a", undefined, signal);
  let text = "";
  await assert.rejects(
    async () => {
      for await (const chunk of chunks) text += chunk.toString();
    },
    { name: "EssError", code: "unreachable" },
  );
  assert.equal(text, "0123");
});

test("an acknowledgement is sent; one that does not fit the object's state is an error", async (t) => {
  const { ess, client } = await connect(t);
  ess.publish({ type: TYPE, id: "a", data: Buffer.from("x") });
  await client.acknowledge(TYPE, "a", "received", signal);
  assert.equal(ess.statusOf(TYPE, "a"), "objreceived");
  assert.equal((await client.list(TYPE, signal)).length, 1);
  const [code, message] = await failure(
    client.acknowledge(TYPE, "a", "deleted", signal),
    ess.token,
  );
  assert.equal(code, "failed");
  assert.match(
    message,
    /^PUT \/api\/v1\/objects\/slipstream-model\/a\/deleted: failed: status 400, Invalid attempt/,
  );
  await client.acknowledge(TYPE, "a", "consumed", signal);
  assert.deepEqual(await client.list(TYPE, signal), []);
});

test("credentials and certificate are read again, so a service that restarts with others is reached", async (t) => {
  const { ess, client } = await connect(t);
  ess.publish({ type: TYPE, id: "a", data: Buffer.from("x") });
  assert.equal((await client.list(TYPE, signal)).length, 1);
  await ess.restart();
  assert.equal((await client.list(TYPE, signal)).length, 1);
});

test("each kind of failure has its code, and no message contains the token", async (t) => {
  const { ess, client } = await connect(t);
  const list = () => failure(client.list(TYPE, signal), ess.token);
  ess.failures.push(503, 429, 500);
  assert.equal((await list())[0], "busy");
  assert.equal((await list())[0], "busy");
  assert.equal((await list())[0], "failed");

  writeFileSync(ess.address.credentials, `{"id":"other","token":"${"x".repeat(9)}"}`);
  assert.equal((await list())[0], "denied");
  writeFileSync(ess.address.credentials, `{"id":"other","token":`);
  assert.deepEqual(await list(), [
    "unready",
    `GET /api/v1/objects/slipstream-model?received=true: unready: ${ess.address.credentials} holds no id and token`,
  ]);
  rmSync(ess.address.credentials);
  assert.match((await list())[1], /unready: ENOENT/);
});

test("a service with another certificate receives no credentials", async (t) => {
  const { ess, client } = await connect(t);
  writeFileSync(ess.address.certificate, selfSigned().certificate);
  const [code, message] = await failure(client.list(TYPE, signal), ess.token);
  assert.equal(code, "unreachable");
  assert.match(message, /certificate is not the one in HZN_ESS_CERT/);
  assert.deepEqual(ess.calls, []);
});

test("a service that is down is unreachable, and is reached once it is up again", async (t) => {
  const { ess, client } = await connect(t);
  assert.deepEqual(await client.list(TYPE, signal), []);
  await ess.shutDown();
  const [code, message] = await failure(client.list(TYPE, signal), ess.token);
  assert.equal(code, "unreachable");
  assert.match(message, /there is no such socket \(ENOENT\)/);
  await ess.listen();
  assert.deepEqual(await client.list(TYPE, signal), []);
});

test("a socket that accepts a connection and never answers costs no more than the deadline", async (t) => {
  const { ess, client } = await connect(t, { timeoutMs: 50 });
  await ess.shutDown();
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(ess.address.socketPath, resolve));
  t.after(() => silent.close());
  const [code, message] = await failure(client.list(TYPE, signal), ess.token);
  assert.equal(code, "timeout");
  assert.match(message, /no answer within 50 ms/);
});

test("a stalled download fails", async (t) => {
  const { ess, client } = await connect(t, { stallMs: 100 });
  ess.publish({ type: TYPE, id: "a", data: Buffer.from("x") });
  ess.beforeData = () => new Promise(() => {});
  const [code, message] = await failure(client.data(TYPE, "a", undefined, signal), ess.token);
  assert.equal(code, "timeout");
  assert.match(message, /no data for 100 ms/);
});

test("an answer that is not a list of objects is malformed", async (t) => {
  const { ess, client } = await connect(t);
  ess.publish({ type: TYPE, id: "a", meta: { instanceID: "yesterday" } });
  const [code, message] = await failure(client.list(TYPE, signal), ess.token);
  assert.equal(code, "malformed");
  assert.match(message, /0\.instanceID/);
});

test("an aborted call throws the signal's reason", async (t) => {
  const { ess, client } = await connect(t);
  ess.publish({ type: TYPE, id: "a", data: Buffer.from("x") });
  const stop = new AbortController();
  ess.beforeData = () => stop.abort(new Error("enough"));
  await assert.rejects(client.data(TYPE, "a", undefined, stop.signal), { message: "enough" });
  await assert.rejects(client.list(TYPE, stop.signal), { message: "enough" });
});
