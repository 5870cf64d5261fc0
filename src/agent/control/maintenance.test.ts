import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import { getTasks } from "node-cron";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { Maintenance, mayRebuild } from "./maintenance.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.parse("2026-11-24T12:00Z");

describe("mayRebuild", () => {
  const rebuilds = { timeZone: "UTC", on: "0 2 * * *", off: "0 4 * * *" };

  it("allows a rebuild at any time if no hours are set for it", () => {
    assert.deepEqual(mayRebuild({}, NOON), { t: "now" });
  });

  it("holds it until the window opens", () => {
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
  let started: string[];
  let maintenance: Maintenance;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    // node-cron has the timers and the wall clock of the process.
    mock.timers.enable({ apis: ["setTimeout", "Date"], now: NOON });
    clock = new FakeClock();
    started = [];
    stop = new AbortController();
    maintenance = new Maintenance({
      clock,
      start: (job) => started.push(job),
    });
    running = maintenance.run(stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await running;
    assert.equal(getTasks().size, 0, "no task is left");
    mock.timers.reset();
  });

  async function pass(ms: number): Promise<void> {
    const end = clock.now() + ms;
    await setImmediate();
    while (clock.now() < end) {
      const ms = Math.min(end, clock.nextMs ?? end) - clock.now();
      mock.timers.tick(ms);
      await setImmediate();
      clock.advance(ms);
      await setImmediate();
    }
  }

  it("starts each job whenever it is due", async () => {
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

  it("catches up once on what it slept through", async () => {
    maintenance.set({ timeZone: "UTC", report: "@hourly" });
    mock.timers.setTime(Date.now() + 7 * DAY);
    await pass(60_000);
    assert.deepEqual(started, ["report"]);
  });

  it("ignores times before a schedule was set", async () => {
    maintenance.set({ timeZone: "UTC", report: "0 23 * * *" });
    await pass(2 * HOUR);
    maintenance.set({ timeZone: "UTC", report: "0 13 * * *" });
    await pass(HOUR);
    assert.deepEqual(started, []);
  });

  it("continues after a clock that was years ahead is corrected", async () => {
    mock.timers.setTime(Date.now() + 10 * 365 * DAY);
    maintenance.set({ timeZone: "UTC", report: "@hourly" });
    await pass(2 * HOUR);
    started.splice(0);
    mock.timers.setTime(NOON);
    await pass(3 * HOUR);
    assert.ok(started.length >= 3, `${started.length} in three hours`);
  });

  it("waits for a clock that says 1970, and catches up once when it is set", async () => {
    mock.timers.setTime(0);
    maintenance.set({ timeZone: "UTC", report: "* * * * *" });
    await pass(HOUR);
    started.splice(0);
    mock.timers.setTime(NOON);
    await pass(60_000);
    assert.deepEqual(started, ["report"]);
    await pass(10 * 60_000);
    assert.equal(started.length, 11);
  });

  it("stops a job whose schedule is removed", async () => {
    maintenance.set({ timeZone: "UTC", report: "@hourly" });
    maintenance.set({});
    await pass(3 * HOUR);
    assert.deepEqual(started, []);
  });
});
