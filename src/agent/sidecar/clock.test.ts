import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, describe, it, mock } from "node:test";
import { defer } from "../../common/testing/deferred.js";
import { systemClock } from "../../common/time/clock.js";
import { SidecarError } from "./calls.js";
import { SidecarClient } from "./client.js";
import { ServerDouble, socketDirectory } from "./testing/server-double.js";

/** A board without a battery gets the time; an hour back, as when daylight saving time was wrong. */
const jumps: readonly [string, number][] = [
  ["from 1970 to now", 56 * 365 * 86_400_000],
  ["an hour back", -3_600_000],
];

/** Moves the system's clock. */
function jump(ms: number): void {
  const now = Date.now;
  mock.method(Date, "now", () => now.call(Date) + ms);
}

describe("time", () => {
  const cleanups: (() => unknown)[] = [];

  afterEach(async () => {
    mock.restoreAll();
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it("never calls back at infinity", async () => {
    const fired: string[] = [];
    const cancel = systemClock.at(Infinity, () => fired.push("never"));
    const soon = defer();
    systemClock.at(systemClock.now() + 20, soon.resolve);
    await soon.promise;
    cancel();
    assert.deepEqual(fired, []);
  });

  for (const [name, ms] of jumps) {
    it(`continues when the system's clock jumps ${name}`, async () => {
      const before = systemClock.now();
      const late: string[] = [];
      const cancel = systemClock.at(before + 3_600_000, () => late.push("an hour"));
      const due = defer();
      systemClock.at(before + 30, due.resolve);
      jump(ms);
      await due.promise;
      cancel();
      const passed = systemClock.now() - before;
      assert.ok(passed >= 30 && passed < 3_000_000, `${passed} ms`);
      assert.deepEqual(late, []);
    });

    it(`does not end a call when the system's clock jumps ${name}`, async () => {
      const directory = await socketDirectory();
      cleanups.push(directory.remove);
      const arrived = defer();
      const answer = defer();
      const server = new ServerDouble({
        apply: ({ request: { generation } }, done) => {
          arrived.resolve();
          const accepted = { generation, accepted: true, problems: [], changes: [] };
          void answer.promise.then(() => done(null, accepted));
        },
      });
      const socketPath = join(directory.path, "worker.sock");
      await server.listen(socketPath);
      cleanups.push(() => server.stop());
      const client = new SidecarClient({ socketPath, agentVersion: "0" });
      cleanups.push(() => client.close());
      const options = { timeoutMs: 30_000, signal: new AbortController().signal };
      const desired = { generation: "g1", spec: EMPTY };
      const result = client.apply(desired, options);
      await arrived.promise;
      jump(ms);
      answer.resolve();
      assert.equal((await result).accepted, true);
      // The next call has its full time, counted from the new one.
      assert.equal((await client.connect(options)).instanceId, "one");
    });

    it(`ends a call at its deadline when the system's clock has jumped ${name}`, async () => {
      const directory = await socketDirectory();
      cleanups.push(directory.remove);
      const arrived = defer();
      const server = new ServerDouble({ apply: () => arrived.resolve() });
      const socketPath = join(directory.path, "worker.sock");
      await server.listen(socketPath);
      cleanups.push(() => server.stop());
      const client = new SidecarClient({ socketPath, agentVersion: "0" });
      cleanups.push(() => client.close());
      const options = { timeoutMs: 500, signal: new AbortController().signal };
      const result = client.apply({ generation: "g1", spec: EMPTY }, options);
      const ended = assert.rejects(
        result,
        (err) => err instanceof SidecarError && err.code === "DEADLINE_EXCEEDED",
      );
      await Promise.race([arrived.promise, ended]);
      jump(ms);
      await ended;
    });
  }
});

const EMPTY = {
  cameras: [],
  model: { bundlePath: "/m", interval: undefined, threshold: undefined, classes: [] },
  tracker: undefined,
  overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
  outputs: [],
};
