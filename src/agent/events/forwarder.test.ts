import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import type { Entry } from "./event-store.js";
import { Forwarder, type ForwarderEvent, type ForwarderOptions } from "./forwarder.js";
import { type Delivery, type Outgoing, type Sink, SinkError } from "./sink.js";
import { entered, occupied, outgoing } from "./testing/outgoing.js";

/** A queue in memory. */
class Entries {
  readonly entries: Entry[] = [];
  cursor = -1;

  add(...tracks: readonly string[]): void {
    for (const track of tracks) {
      this.entries.push({ sequence: this.entries.length, text: outgoing(entered(track)).text });
    }
  }

  read(_: string, limit: number): Promise<readonly Entry[]> {
    return Promise.resolve(this.entries.slice(this.cursor + 1, this.cursor + 1 + limit));
  }

  acknowledge(_: string, sequence: number): void {
    this.cursor = Math.max(this.cursor, sequence);
  }
}

describe("Forwarder", () => {
  let clock: FakeClock;
  let queue: Entries;
  let events: ForwarderEvent[];
  let delivered: string[];
  let connections: number;
  let texts: string[];
  let stop: AbortController;
  let ended: Promise<void>;
  let forwarder: Forwarder;
  /** What the next deliveries come to; undefined: success. */
  let outcomes: (SinkError | Delivery | undefined)[];

  beforeEach(() => {
    clock = new FakeClock();
    queue = new Entries();
    [events, delivered, connections, outcomes, texts] = [[], [], 0, [], []];
    stop = new AbortController();
  });

  afterEach(async () => {
    stop.abort();
    await ended;
    assert.equal(clock.nextMs, undefined, "no timer is left");
  });

  function start(options: Partial<ForwarderOptions> = {}): void {
    const sink: Sink = {
      batch: 3,
      connect: () => {
        connections++;
        return Promise.resolve({ deliver, close: () => Promise.resolve() });
      },
    };
    const deliver = (all: readonly Outgoing[]): Promise<Delivery> => {
      const outcome = outcomes.shift();
      if (outcome instanceof SinkError) return Promise.reject(outcome);
      delivered.push(...all.map(trackOf));
      texts.push(...all.map(({ text }) => text));
      return Promise.resolve(outcome ?? { refused: 0 });
    };
    forwarder = new Forwarder({
      ...{ id: "a", sink, queue, clock, random: () => 0.5, maxPerSecond: Infinity },
      form: "cloudevents",
      filter: { types: undefined, cameras: undefined, classes: undefined },
      onEvent: (event) => events.push(event),
      ...options,
    });
    ended = forwarder.run(stop.signal);
  }

  function trackOf({ event }: Outgoing): string {
    return "object" in event.data ? event.data.object.track : "";
  }

  async function turns(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  }

  it("delivers what is there and what comes, in order", async () => {
    queue.add("1", "2", "3", "4");
    start();
    await eventually(() => delivered.length === 4, "all are delivered");
    queue.add("5");
    forwarder.notify();
    await eventually(() => queue.cursor === 4, "all are acknowledged");
    assert.deepEqual(delivered, ["1", "2", "3", "4", "5"]);
  });

  it("gives a sink of nvmsgconv's form the events of objects, and passes over the rest", async () => {
    queue.add("1");
    const { text } = outgoing(occupied(1));
    queue.entries.push({ sequence: 1, text });
    queue.add("2");
    start({ form: "nvmsgconv-minimal" });
    await eventually(() => queue.cursor === 2, "all are acknowledged");
    assert.deepEqual(delivered, ["1", "2"]);
    assert.match(texts[0] ?? "", /"objects":\["1\|100\|200\|400\|600\|person\|#/);
  });

  it("delivers again what failed, later and later, and says so once", async () => {
    queue.add("1", "2");
    const down = new SinkError("cannot reach broker");
    outcomes = [down, down, down];
    start();
    const delays: number[] = [];
    for (const _ of outcomes.slice()) {
      await turns();
      const waitMs = (clock.nextMs ?? 0) - clock.now();
      delays.push(waitMs);
      clock.advance(waitMs);
    }
    await eventually(() => queue.cursor === 1, "all are acknowledged");
    assert.deepEqual(delivered, ["1", "2"]);
    assert.deepEqual(delays, [1000, 2000, 4000]);
    assert.deepEqual(
      events.map(({ t }) => t),
      ["sink failed", "sink connected"],
    );
    assert.equal(connections, 4);
  });

  it("leaves a peer alone for as long as it asks for", async () => {
    queue.add("1");
    outcomes = [new SinkError("busy", { retryAfterMs: 90_000 })];
    start();
    await turns();
    assert.equal(clock.nextMs, 90_000);
    // New events do not shorten it.
    forwarder.notify();
    await turns();
    assert.equal(clock.nextMs, 90_000);
    clock.advance(90_000);
    await eventually(() => queue.cursor === 0, "it is delivered");
  });

  it("delivers only what the filter wants, and passes over the rest", async () => {
    queue.add("1", "2", "3", "4");
    start({ filter: { types: ["line.crossed"], cameras: undefined, classes: undefined } });
    await eventually(() => queue.cursor === 3, "all are passed over");
    assert.deepEqual(delivered, []);
  });

  for (const [what, filter, count] of [
    ["a camera", { types: undefined, cameras: ["front"], classes: undefined }, 1],
    ["another camera", { types: undefined, cameras: ["back"], classes: undefined }, 0],
    ["a class", { types: undefined, cameras: undefined, classes: ["person"] }, 1],
    ["another class", { types: undefined, cameras: undefined, classes: ["car"] }, 0],
  ] as const) {
    it(`filters by ${what}`, async () => {
      queue.add("1");
      start({ filter });
      await eventually(() => queue.cursor === 0, "it is acknowledged");
      assert.equal(delivered.length, count);
    });
  }

  it("delivers no more than it may in a second, and loses nothing", async () => {
    queue.add("1", "2", "3", "4", "5");
    start({ maxPerSecond: 2 });
    await turns();
    assert.deepEqual(delivered, ["1", "2"]);
    clock.advance(500);
    await turns();
    assert.deepEqual(delivered, ["1", "2", "3"]);
    clock.advance(1000);
    await eventually(() => delivered.length === 5, "all are delivered");
  });

  it("counts what the peer will never take, and goes on", async () => {
    queue.add("1", "2", "3", "4");
    outcomes = [{ refused: 1, why: "the server answers 422" }];
    start();
    await eventually(() => queue.cursor === 3, "all are acknowledged");
    assert.deepEqual(events, [
      { t: "events refused", sink: "a", count: 1, why: "the server answers 422" },
    ]);
  });
});
