import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FakeClock } from "../testing/fake-clock.js";
import { Maintenance, mayRebuild } from "./maintenance.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.parse("2026-11-24T12:00Z");

describe("mayRebuild", () => {
  const rebuilds = { timeZone: "UTC", on: "0 2 * * *", off: "0 4 * * *" };

  it("lets a rebuild go in at any time where no hours are set for it", () => {
    assert.deepEqual(mayRebuild({}, NOON), { t: "now" });
  });

  it("keeps it back until the window opens", () => {
    assert.deepEqual(mayRebuild({ rebuilds }, NOON), { t: "later", atMs: NOON + 14 * HOUR });
    assert.deepEqual(mayRebuild({ rebuilds }, NOON + 14 * HOUR), { t: "now" });
    assert.deepEqual(mayRebuild({ rebuilds }, NOON + 16 * HOUR), {
      t: "later",
      atMs: NOON + 38 * HOUR,
    });
  });
});

describe("Maintenance", () => {
  let clock: FakeClock;
  let wallAheadMs: number;
  let started: string[];
  let maintenance: Maintenance;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    clock = new FakeClock();
    wallAheadMs = NOON;
    started = [];
    stop = new AbortController();
    maintenance = new Maintenance({
      clock,
      wallClock: () => wallAheadMs + clock.now(),
      start: (job) => started.push(job),
    });
    running = maintenance.run(stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await running;
  });

  async function pass(ms: number): Promise<void> {
    const end = clock.now() + ms;
    await setImmediate();
    while (clock.now() < end) {
      clock.advance(Math.min(end, clock.nextMs ?? end) - clock.now());
      await setImmediate();
    }
  }

  it("starts each job when it is due, again and again", async () => {
    maintenance.set({
      timeZone: "UTC",
      modelCheck: "30 1,12 * * *",
      report: "@hourly",
    });
    await pass(2 * HOUR);
    assert.deepEqual(started.splice(0), ["modelCheck", "report", "report"]);
    await pass(DAY);
    assert.equal(started.filter((job) => job === "modelCheck").length, 2);
    assert.equal(started.filter((job) => job === "report").length, 24);
  });

  it("catches up what it slept over, once", async () => {
    maintenance.set({ timeZone: "UTC", report: "@hourly" });
    wallAheadMs += 7 * DAY;
    await pass(60_000);
    assert.deepEqual(started, ["report"]);
  });

  it("does not make up for moments before a schedule was set", async () => {
    maintenance.set({ timeZone: "UTC", report: "0 23 * * *" });
    await pass(2 * HOUR);
    maintenance.set({ timeZone: "UTC", report: "0 13 * * *" });
    await pass(HOUR);
    assert.deepEqual(started, []);
  });

  it("goes on after a clock that was years ahead is put right", async () => {
    wallAheadMs += 10 * 365 * DAY;
    maintenance.set({ timeZone: "UTC", report: "@hourly" });
    await pass(2 * HOUR);
    started.splice(0);
    wallAheadMs = NOON;
    await pass(3 * HOUR);
    assert.ok(started.length >= 3, `${started.length} in three hours`);
  });
});
