import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FakeClock } from "../testing/fake-clock.js";
import { Alarm } from "./alarm.js";

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const NOW = Date.parse("2026-11-24T12:00Z");

describe("Alarm", () => {
  let clock: FakeClock;
  let wallAheadMs: number;
  let calls: number;
  let alarm: Alarm;
  let stop: AbortController;
  let running: Promise<void>;
  const wallClock = () => wallAheadMs + clock.now();

  beforeEach(() => {
    clock = new FakeClock();
    wallAheadMs = NOW;
    calls = 0;
    stop = new AbortController();
    alarm = new Alarm({ clock, wallClock, due: () => calls++ });
  });

  afterEach(async () => {
    stop.abort();
    await running;
    assert.equal(clock.nextMs, undefined, "no timer is left");
  });

  async function start(): Promise<void> {
    running = alarm.run(stop.signal);
    await setImmediate();
  }

  /** Lets time pass, and fires each timer when it is due. */
  async function pass(ms: number): Promise<void> {
    const end = clock.now() + ms;
    await setImmediate();
    while (clock.now() < end) {
      clock.advance(Math.min(end, clock.nextMs ?? end) - clock.now());
      await setImmediate();
    }
  }

  it("calls once when the time has come", async () => {
    alarm.set(NOW + 90 * MINUTE);
    await start();
    await pass(90 * MINUTE - 1);
    assert.equal(calls, 0);
    await pass(1);
    assert.equal(calls, 1);
    await pass(DAY);
    assert.equal(calls, 1);
  });

  it("accepts an earlier time, or none, while it waits", async () => {
    alarm.set(NOW + 2 * DAY);
    await start();
    alarm.set(NOW + 10_000);
    await pass(10_000);
    assert.equal(calls, 1);
    alarm.set(NOW + 20_000);
    alarm.set(undefined);
    await pass(DAY);
    assert.equal(calls, 1);
  });

  it("calls at once for a time that has passed", async () => {
    alarm.set(NOW - DAY);
    await start();
    assert.equal(calls, 1);
  });

  it("never waits longer than a minute, so that sleep delays it by no more", async () => {
    alarm.set(NOW + 8 * 60 * MINUTE);
    await start();
    await pass(3 * MINUTE);
    assert.equal((clock.nextMs ?? Number.NaN) - clock.now(), MINUTE);
    wallAheadMs += 8 * 60 * MINUTE;
    await pass(MINUTE);
    assert.equal(calls, 1);
  });

  it("calls when a clock is set from 1970 to now, and when it is set back", async () => {
    wallAheadMs = 0;
    alarm.set(6 * 60 * MINUTE);
    await start();
    await pass(5 * MINUTE);
    wallAheadMs = NOW;
    await pass(MINUTE);
    assert.equal(calls, 1);
    alarm.set(NOW + DAY);
    await pass(5 * MINUTE);
    wallAheadMs = 0;
    await pass(MINUTE);
    assert.equal(calls, 2);
    await pass(DAY);
    assert.equal(calls, 2);
  });

  it("ignores a clock that is slewed", async () => {
    await start();
    for (let minute = 0; minute < 100; minute++) {
      wallAheadMs += 30;
      await pass(MINUTE);
    }
    assert.equal(calls, 0);
  });

  it("does not occupy the process if it is set to the past again and again", async () => {
    alarm = new Alarm({
      clock,
      wallClock,
      due: () => {
        calls++;
        alarm.set(0);
      },
    });
    alarm.set(0);
    await start();
    await pass(10_000);
    assert.equal(calls, 11);
  });
});
