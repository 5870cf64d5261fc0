import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import type { QueueOptions } from "../../common/settings/events.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { EventQueue, type QueueEvent } from "./queue.js";

const BOUNDS: QueueOptions = {
  maxBytes: 100_000_000,
  maxAgeMs: 1_000_000,
  whenFull: "drop-oldest",
};
const NOW = Date.parse("2026-11-30T12:00Z");

describe("EventQueue", () => {
  let root: string;
  let directory: string;
  let clock: FakeClock;
  let wallMs: number;
  let events: QueueEvent[];
  let appended: number;
  let stops: (() => Promise<void>)[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "queue-"));
    directory = join(root, "queue");
    clock = new FakeClock();
    wallMs = NOW;
    [events, appended, stops] = [[], 0, []];
  });

  afterEach(async () => {
    for (const stop of stops) await stop();
    rmSync(root, { recursive: true });
  });

  async function start(sinks: readonly string[] = ["a"], bounds: Partial<QueueOptions> = {}) {
    const queue = new EventQueue(
      {
        ...{ directory, clock },
        wallClock: () => wallMs + clock.now(),
        onEvent: (event) => events.push(event),
        onAppend: () => appended++,
      },
      { ...BOUNDS, ...bounds },
    );
    await queue.load();
    queue.setSinks(sinks);
    const controller = new AbortController();
    const ended = queue.run(controller.signal);
    const stop = async () => {
      controller.abort();
      await ended;
    };
    stops.push(stop);
    return { queue, stop };
  }

  async function textsOf(queue: EventQueue, sink: string, limit = 10_000) {
    return (await queue.read(sink, limit)).map(({ text }) => text);
  }

  /** Reads and acknowledges everything that is there. */
  async function drain(queue: EventQueue, sink: string, limit = 100): Promise<string[]> {
    const all: string[] = [];
    for (;;) {
      const entries = await queue.read(sink, limit);
      if (entries.length === 0) return all;
      all.push(...entries.map(({ text }) => text));
      queue.acknowledge(sink, entries.at(-1)?.sequence ?? 0);
    }
  }

  it("gives each sink all events in order, until it has acknowledged them", async () => {
    const { queue } = await start(["a", "b"]);
    queue.append(["1", "2"]);
    queue.append(["3"]);
    assert.equal(appended, 2);
    assert.deepEqual(await textsOf(queue, "a"), ["1", "2", "3"]);
    const [first] = await queue.read("a", 1);
    queue.acknowledge("a", first?.sequence ?? 0);
    assert.deepEqual(await textsOf(queue, "a"), ["2", "3"]);
    assert.deepEqual(await textsOf(queue, "b"), ["1", "2", "3"]);
  });

  it("keeps across a restart what no sink has acknowledged, and forgets the rest", async () => {
    const first = await start(["a", "b"]);
    first.queue.append(["1", "2", "3"], { name: "camera front", text: () => "state" });
    const [one, two] = await first.queue.read("a", 2);
    first.queue.acknowledge("a", two?.sequence ?? 0);
    first.queue.acknowledge("b", one?.sequence ?? 0);
    await first.queue.saved();
    await first.stop();
    const { queue } = await start(["a", "b"]);
    assert.deepEqual([...queue.states], [["camera front", "state"]]);
    queue.append(["4"]);
    assert.deepEqual(await drain(queue, "a"), ["3", "4"]);
    assert.deepEqual(await drain(queue, "b"), ["2", "3", "4"]);
    await queue.saved();
    await eventually(() => queue.bytes === 0, "everything is forgotten");
  });

  it("gives a new sink what comes from now on, and does not wait for one that is gone", async () => {
    const { queue } = await start(["a"]);
    queue.append(["1"]);
    queue.setSinks(["b"]);
    queue.append(["2"]);
    assert.deepEqual(await textsOf(queue, "b"), ["2"]);
    assert.deepEqual(await textsOf(queue, "a"), []);
    queue.setSinks(["a", "b"]);
    assert.deepEqual(await textsOf(queue, "a"), []);
  });

  it("keeps nothing if there is no sink", async () => {
    const { queue } = await start([]);
    queue.append(["1"]);
    await queue.saved();
    assert.equal(queue.bytes, 0);
  });

  it("reads from the disk what is too much for the memory", async () => {
    const { queue } = await start(["slow", "fast"]);
    const texts = Array.from({ length: 6000 }, (_, index) => String(index));
    for (const text of texts) {
      queue.append([text]);
      if (Number(text) % 100 === 99) await queue.saved();
    }
    assert.deepEqual(await drain(queue, "slow"), texts);
    assert.deepEqual(await drain(queue, "fast", 7), texts);
  });

  it("drops the oldest events when it is full, and counts them", async () => {
    const { queue } = await start(["a", "b"], { maxBytes: 100_000 });
    const text = "x".repeat(1000);
    queue.append(Array.from({ length: 300 }, () => text));
    await queue.saved();
    await eventually(() => queue.bytes <= 100_000, "it is within its bound");
    const left = await drain(queue, "a");
    assert.ok(left.length >= 50 && left.length <= 100, `${left.length}`);
    clock.advance(10_000);
    queue.append(["y"]);
    await eventually(() => events.length > 0, "the loss is reported");
    assert.deepEqual(events[0], { t: "events dropped", sink: "a", count: 300 - left.length });
  });

  it("refuses the newest events when it is full and told so", async () => {
    const { queue } = await start(["a"], { maxBytes: 1000, whenFull: "drop-newest" });
    queue.append(Array.from({ length: 11 }, (_, index) => `${index}`.padEnd(100)));
    await queue.saved();
    queue.append(["lost"]);
    assert.equal((await drain(queue, "a")).length, 11);
    clock.advance(10_000);
    queue.append(["taken"]);
    await eventually(() => events.length > 0, "the loss is reported");
    assert.deepEqual(events, [{ t: "events dropped", sink: "a", count: 1 }]);
  });

  it("drops events that are too old", async () => {
    const { queue } = await start(["a"]);
    queue.append(["old"]);
    await queue.saved();
    wallMs += BOUNDS.maxAgeMs + 1;
    clock.advance(60_000);
    await eventually(() => queue.bytes === 0, "the old one is dropped");
    queue.append(["new"]);
    assert.deepEqual(await drain(queue, "a"), ["new"]);
  });

  it("does not take events for old that a clock without battery has dated 1970", async () => {
    wallMs = 0;
    const { queue } = await start(["a"]);
    queue.append(["1"]);
    await queue.saved();
    wallMs = NOW;
    clock.advance(60_000);
    queue.append(["2"]);
    await queue.saved();
    assert.deepEqual(await drain(queue, "a"), ["1", "2"]);
  });

  it("keeps the order after the clock was set back between two runs", async () => {
    const first = await start(["a"]);
    first.queue.append(["1", "2"]);
    await first.queue.saved();
    await first.stop();
    wallMs -= 86_400_000;
    const { queue } = await start(["a"]);
    queue.append(["3"]);
    assert.deepEqual(await drain(queue, "a"), ["1", "2", "3"]);
  });

  it("passes events on from memory while its directory cannot be used, and writes them later", async () => {
    writeFileSync(directory, "");
    const { queue } = await start(["a", "b"]);
    assert.equal(events[0]?.t, "queue failed");
    queue.append(["1", "2"]);
    assert.deepEqual(await drain(queue, "a"), ["1", "2"]);
    rmSync(directory);
    clock.advance(60_000);
    await queue.saved();
    assert.deepEqual(
      events.map(({ t }) => t),
      ["queue failed", "queue works again"],
    );
    assert.ok(queue.bytes > 0);
    queue.append(["3"]);
    assert.deepEqual(await drain(queue, "a"), ["3"]);
    assert.deepEqual(await drain(queue, "b"), ["1", "2", "3"]);
  });

  it("finds the events of earlier runs once its directory can be used", async () => {
    const first = await start(["a"]);
    first.queue.append(["1"]);
    await first.queue.saved();
    await first.stop();
    const elsewhere = directory;
    directory = join(root, "file", "queue");
    writeFileSync(join(root, "file"), "");
    const { queue } = await start(["a"]);
    queue.append(["2"]);
    rmSync(join(root, "file"));
    mkdirSync(join(root, "file"));
    symlinkSync(elsewhere, directory);
    clock.advance(60_000);
    await queue.saved();
    assert.deepEqual(await drain(queue, "a"), ["1", "2"]);
  });

  for (const name of [
    "000000.log",
    "0.log",
    "18446744073709551615.log",
    "18446744073709551614.log",
  ]) {
    it(`survives a file ${name}, over which LevelDB aborts, and loses nothing`, async () => {
      const first = await start(["a"]);
      first.queue.append(["1"]);
      await first.stop();
      writeFileSync(join(directory, name), "");
      const { queue } = await start(["a"]);
      assert.deepEqual(await drain(queue, "a"), ["1"]);
    });
  }

  it("begins again with what a broken disk has made unreadable", async () => {
    const first = await start(["a"]);
    first.queue.append(["1"]);
    await first.queue.saved();
    await first.stop();
    const [manifest = ""] = readdirSync(directory).filter((name) => name.startsWith("MANIFEST"));
    writeFileSync(join(directory, manifest), "broken");
    const { queue } = await start(["a"]);
    assert.deepEqual(
      events.map(({ t }) => t),
      ["queue unreadable"],
    );
    queue.append(["2"]);
    await queue.saved();
    assert.deepEqual(await drain(queue, "a"), ["2"]);
  });

  it("bounds what waits in memory", async () => {
    writeFileSync(directory, "");
    const { queue } = await start(["a"]);
    queue.append(Array.from({ length: 12_000 }, (_, index) => String(index)));
    const left = await drain(queue, "a", 1000);
    assert.equal(left.length, 10_000);
    assert.equal(left.at(-1), "11999");
  });

  it("gives every sink every event once, whatever order reading, writing and restarts come in", async () => {
    const step = fc.oneof(
      fc.record({ t: fc.constant("append" as const), count: fc.integer({ min: 1, max: 1500 }) }),
      fc.record({
        t: fc.constant("read" as const),
        sink: fc.constantFrom("a", "b"),
        limit: fc.integer({ min: 1, max: 700 }),
      }),
      fc.record({ t: fc.constant("save" as const) }),
      fc.record({ t: fc.constant("restart" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        rmSync(directory, { recursive: true, force: true });
        let { queue, stop } = await start(["a", "b"]);
        let next = 0;
        const got = new Map<string, string[]>([
          ["a", []],
          ["b", []],
        ]);
        for (const one of steps) {
          if (one.t === "append")
            queue.append(Array.from({ length: one.count }, () => `${next++}`));
          if (one.t === "save") await queue.saved();
          if (one.t === "read") {
            const entries = await queue.read(one.sink, one.limit);
            got.get(one.sink)?.push(...entries.map(({ text }) => text));
            queue.acknowledge(one.sink, entries.at(-1)?.sequence ?? 0);
          }
          if (one.t === "restart") {
            await stop();
            ({ queue, stop } = await start(["a", "b"]));
          }
        }
        const all = Array.from({ length: next }, (_, index) => String(index));
        for (const [sink, texts] of got) {
          assert.deepEqual([...texts, ...(await drain(queue, sink))], all);
        }
        await stop();
      }),
      { numRuns: 30 },
    );
  });
});
