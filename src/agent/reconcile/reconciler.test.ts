import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Desired } from "../../common/settings/spec.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { FakeWorker } from "../testing/fake-sidecar.js";
import { DEFAULT_TIMING, Reconciler, type ReconcilerEvent } from "./reconciler.js";

function desired(generation: string): Desired {
  const overlay = { boxes: true, labels: true, counts: true, names: true, zones: true };
  const model = { bundlePath: "/m", interval: undefined, threshold: undefined, classes: [] };
  return { generation, spec: { cameras: [], model, tracker: undefined, overlay, outputs: [] } };
}

describe("Reconciler", () => {
  let worker: FakeWorker;
  let clock: FakeClock;
  let events: ReconcilerEvent[];
  let reconciler: Reconciler;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    worker = new FakeWorker();
    clock = new FakeClock();
    events = [];
    stop = new AbortController();
    reconciler = new Reconciler({
      open: worker.open,
      previousWorker: async () => undefined,
      clock,
      timing: DEFAULT_TIMING,
      onEvent: (event) => events.push(event),
    });
    reconciler.setDesired(desired("g1"));
  });

  afterEach(async () => {
    stop.abort();
    await running;
    assert.equal(clock.nextMs, undefined, "no timer is left");
  });

  function start(): void {
    running = reconciler.run(stop.signal);
  }

  /** The calls so far, once the last of them is this one and the reconciler waits for the time. */
  async function callsUpTo(last: string): Promise<string[]> {
    await eventually(
      () => worker.calls.at(-1) === last && clock.nextMs !== undefined,
      `the last call is ${last}; calls: ${worker.calls.join(", ")}`,
    );
    return worker.calls.splice(0);
  }

  async function settledOn(generation: string): Promise<void> {
    start();
    await callsUpTo("Watch now");
    worker.beat(1n);
    await updates(1);
    assert.equal(worker.generation, generation);
  }

  async function updates(count: number): Promise<void> {
    const received = () => events.filter(({ t }) => t === "update").length;
    await eventually(() => received() >= count, `${count} updates have come`);
  }

  it("connects, applies and watches, in this order", async () => {
    start();
    assert.deepEqual(await callsUpTo("Watch now"), ["Connect", "Apply g1", "Watch now"]);
  });

  it("does nothing while heartbeats come", async () => {
    await settledOn("g1");
    for (let beat = 2; beat < 20; beat++) {
      clock.advance(DEFAULT_TIMING.heartbeatMs);
      worker.beat(BigInt(beat));
      await updates(beat);
    }
    assert.deepEqual(worker.calls, []);
  });

  it("applies a new desired state over the same connection", async () => {
    await settledOn("g1");
    reconciler.setDesired(desired("g2"));
    assert.deepEqual(await callsUpTo("Apply g2"), ["Apply g2"]);
    assert.equal(worker.generation, "g2");
  });

  it("applies again when the sidecar reports another active generation", async () => {
    await settledOn("g1");
    worker.generation = "g0";
    worker.beat(2n);
    assert.deepEqual(await callsUpTo("Apply g1"), ["Apply g1"]);
  });

  it("gives a new worker its specification again", async () => {
    await settledOn("g1");
    worker.restart("two");
    await callsUpTo("close");
    clock.advance(DEFAULT_TIMING.backoffMs.first);
    assert.deepEqual(await callsUpTo("Watch now"), ["Connect", "Apply g1", "Watch now"]);
  });

  it("resumes its watch when the same worker is still there", async () => {
    await settledOn("g1");
    worker.beat(41n);
    await updates(2);
    worker.endWatch("UNAVAILABLE");
    await callsUpTo("close");
    clock.advance(DEFAULT_TIMING.backoffMs.first);
    assert.deepEqual(await callsUpTo("Watch 41"), ["Connect", "Apply g1", "Watch 41"]);
  });

  it("watches from now on when the resume point is too old", async () => {
    await settledOn("g1");
    worker.endWatch();
    await callsUpTo("close");
    clock.advance(DEFAULT_TIMING.backoffMs.first);
    await callsUpTo("Watch 1");
    worker.endWatch("OUT_OF_RANGE");
    assert.deepEqual(await callsUpTo("Watch now"), ["Watch now"]);
  });

  it("takes a sidecar that misses three heartbeats for dead, closes the client and opens a new one", async () => {
    await settledOn("g1");
    clock.advance(3 * DEFAULT_TIMING.heartbeatMs - 1);
    assert.deepEqual(worker.calls, []);
    clock.advance(1);
    assert.deepEqual(await callsUpTo("close"), ["close"]);
    assert.deepEqual(events.at(-1), { t: "disconnected", why: "silent", err: undefined });
    clock.advance(DEFAULT_TIMING.backoffMs.first);
    assert.deepEqual(await callsUpTo("Watch 1"), ["Connect", "Apply g1", "Watch 1"]);
  });

  it("tries for ever with growing pauses of at most two seconds", async () => {
    worker.failure = { method: "Connect", code: "UNAVAILABLE" };
    start();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 40; attempt++) {
      assert.deepEqual(await callsUpTo("close"), ["Connect", "close"]);
      const pause = (clock.nextMs ?? Number.NaN) - clock.now();
      pauses.push(Math.round(pause));
      clock.advance(pause);
    }
    assert.deepEqual(pauses.slice(0, 4), [50, 63, 78, 98]);
    assert.deepEqual(pauses.slice(-2), [2000, 2000]);
    worker.failure = undefined;
    clock.advance(2000);
    await callsUpTo("Watch now");
  });

  it("pauses before it reconnects to a sidecar that answers but fails to apply", async () => {
    worker.failure = { method: "Apply", code: "INTERNAL" };
    start();
    assert.deepEqual(await callsUpTo("close"), ["Connect", "Apply g1", "close"]);
    assert.equal(clock.nextMs, DEFAULT_TIMING.backoffMs.first);
    clock.advance(DEFAULT_TIMING.backoffMs.first);
    await callsUpTo("close");
    assert.ok((clock.nextMs ?? 0) - clock.now() > DEFAULT_TIMING.backoffMs.first);
  });

  it("applies a refused specification once, and watches the active one", async () => {
    const problem = { severity: "error", code: "x", path: "model", message: "bad" } as const;
    worker.generation = "g0";
    worker.result = { accepted: false, problems: [problem] };
    start();
    assert.deepEqual(await callsUpTo("Watch now"), ["Connect", "Apply g1", "Watch now"]);
    worker.beat(1n);
    worker.beat(2n);
    await updates(2);
    assert.deepEqual(worker.calls, []);
    const refusals = events.filter(({ t }) => t === "refused");
    assert.deepEqual(refusals, [{ t: "refused", generation: "g1", problems: [problem] }]);
  });

  it("applies a refused specification again after a while", async () => {
    worker.result = { accepted: false };
    start();
    await callsUpTo("Watch now");
    for (let beats = 1n; clock.now() < DEFAULT_TIMING.refusedMs; beats++) {
      worker.beat(beats);
      await updates(Number(beats));
      clock.advance(DEFAULT_TIMING.heartbeatMs);
    }
    assert.deepEqual(await callsUpTo("Apply g1"), ["Apply g1"]);
  });

  it("applies at once after a refusal when the worker or the specification is another one", async () => {
    worker.result = { accepted: false };
    start();
    await callsUpTo("Watch now");
    reconciler.setDesired(desired("g2"));
    assert.deepEqual(await callsUpTo("Apply g2"), ["Apply g2"]);
    worker.restart("two");
    await callsUpTo("close");
    clock.advance(DEFAULT_TIMING.backoffMs.first);
    assert.deepEqual(await callsUpTo("Watch now"), ["Connect", "Apply g2", "Watch now"]);
  });

  it("resumes its watch when detections are asked for", async () => {
    await settledOn("g1");
    worker.beat(7n);
    await updates(2);
    reconciler.setDetections(false);
    reconciler.setDetections(true);
    assert.deepEqual(await callsUpTo("Watch 7"), ["Watch 7"]);
    worker.beat(8n);
    await updates(3);
  });

  it("checks a specification without applying it", async () => {
    await settledOn("g1");
    worker.problems = [{ severity: "error", code: "x", path: "model", message: "bad" }];
    reconciler.check(desired("g2"));
    assert.deepEqual(await callsUpTo("Check"), ["Check"]);
    const checked = { t: "checked", generation: "g2", problems: worker.problems };
    await eventually(() => events.at(-1)?.t === "checked", "the answer has come");
    assert.deepEqual(events.at(-1), checked);
    assert.equal(worker.generation, "g1");
  });

  it("checks again when the worker died before it answered", async () => {
    await settledOn("g1");
    worker.failure = { method: "Check", code: "UNAVAILABLE" };
    reconciler.check(desired("g2"));
    await callsUpTo("close");
    worker.failure = undefined;
    clock.advance(DEFAULT_TIMING.backoffMs.first);
    const calls = await callsUpTo("Check");
    assert.deepEqual(calls, ["Connect", "Apply g1", "Watch 1", "Check"]);
  });

  it("does not check when the question was withdrawn", async () => {
    worker.failure = { method: "Connect", code: "UNAVAILABLE" };
    start();
    await callsUpTo("close");
    reconciler.check(desired("g2"));
    reconciler.check(undefined);
    worker.failure = undefined;
    clock.advance(DEFAULT_TIMING.backoffMs.first);
    assert.deepEqual(await callsUpTo("Watch now"), ["Connect", "Apply g1", "Watch now"]);
  });

  it("applies nothing before there is a desired state", async () => {
    reconciler = new Reconciler({
      open: worker.open,
      previousWorker: async () => undefined,
      clock,
      timing: DEFAULT_TIMING,
      onEvent: (event) => events.push(event),
    });
    start();
    assert.deepEqual(await callsUpTo("Watch now"), ["Connect", "Watch now"]);
    reconciler.setDesired(desired("g1"));
    assert.deepEqual(await callsUpTo("Apply g1"), ["Apply g1"]);
  });

  it("closes the connection when it is stopped", async () => {
    await settledOn("g1");
    stop.abort();
    await running;
    assert.deepEqual(worker.calls, ["close"]);
  });

  it("stops while it waits for the next attempt", async () => {
    worker.failure = { method: "Connect", code: "UNAVAILABLE" };
    start();
    await callsUpTo("close");
    stop.abort();
    await running;
    assert.deepEqual(worker.calls, []);
  });
});
