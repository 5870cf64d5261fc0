import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "node-cron";
import { type SeededRandom, seededRandom } from "../testing/seeded-random.js";
import { activeAt, type Hours, hoursSchema } from "./hours.js";

const MINUTE = 60_000;
const ZONE = "Europe/Berlin";

const at = (time: string) => Date.parse(time);

describe("activeAt on generated hours", () => {
  it("agrees with a clock that is watched minute by minute over its changes", () => {
    const random = seededRandom(1);
    const changes: readonly [string, string][] = [
      ["Europe/Berlin", "2026-03-29T01:00Z"],
      ["Europe/Berlin", "2026-10-25T01:00Z"],
      ["America/New_York", "2026-03-08T07:00Z"],
      ["America/New_York", "2026-11-01T06:00Z"],
      ["Australia/Lord_Howe", "2026-10-03T15:30Z"],
      ["Australia/Lord_Howe", "2026-04-04T15:00Z"],
      ["America/Havana", "2026-11-01T05:00Z"],
      ["America/Santiago", "2026-09-06T04:00Z"],
    ];
    for (const [timeZone, change] of changes) {
      for (let round = 0; round < 3; round++) {
        const hours: Hours = { timeZone, on: randomCrons(random), off: randomCrons(random) };
        if (hoursSchema.safeParse(hours).success) compare(hours, at(change));
      }
    }
  });

  it("has a state at every moment, which changes when it is said to, or the hours are refused", () => {
    const random = seededRandom(77);
    let accepted = 0;
    for (let round = 0; round < 1000; round++) {
      const document = { on: hostileCrons(random), off: hostileCrons(random) };
      const { success, data, error } = hoursSchema.safeParse(document);
      if (!success) {
        for (const { message } of error.issues) assert.ok(message.length > 10, message);
        continue;
      }
      accepted++;
      const nowMs = Math.floor((random.number() - 0.2) * 8e12);
      const { active, nextChangeMs } = activeAt(data, nowMs, ZONE);
      if (nextChangeMs === undefined) continue;
      const what = `${JSON.stringify(data)} at ${nowMs}`;
      assert.ok(nextChangeMs > nowMs, what);
      assert.equal(activeAt(data, nextChangeMs - 1, ZONE).active, active, what);
      assert.equal(activeAt(data, nextChangeMs, ZONE).active, !active, what);
    }
    assert.ok(accepted > 200, `${accepted} accepted`);
  });
});

/** Watches the clock on the wall; what counts is the furthest time that it has shown. */
function compare(hours: Hours, changeMs: number): void {
  const matches = (texts: string | readonly string[]) => {
    const crons = [texts].flat().map((text) => parse(text));
    return (wallMs: number) => {
      const wall = new Date(wallMs);
      return crons.some(
        ({ minute, hour, dayOfMonth, month, dayOfWeek }) =>
          minute.includes(wall.getUTCMinutes()) &&
          hour.includes(wall.getUTCHours()) &&
          dayOfMonth.includes(wall.getUTCDate()) &&
          month.includes(wall.getUTCMonth() + 1) &&
          dayOfWeek.includes(wall.getUTCDay()),
      );
    };
  };
  const [on, off] = [matches(hours.on), matches(hours.off)];
  const from = changeMs - 28 * 60 * MINUTE;
  const to = changeMs + 28 * 60 * MINUTE;
  const wallAt = wallClock(hours.timeZone ?? "UTC");
  let shown = wallAt(from);
  let active: boolean | undefined;
  let lastChange = from;
  for (let now = from; now <= to; now += MINUTE) {
    const before = active;
    const wall = wallAt(now);
    for (; shown < wall; shown += MINUTE) {
      const next = shown + MINUTE;
      if (off(next)) active = false;
      else if (on(next)) active = true;
    }
    if (active === undefined) continue;
    const where = `${JSON.stringify(hours)} at ${new Date(now).toISOString()}`;
    if (active !== before || now % (197 * MINUTE) === 0) {
      assert.equal(activeAt(hours, now).active, active, where);
    }
    if (before !== undefined && active !== before) {
      assert.equal(activeAt(hours, now - 1).active, before, where);
      assert.equal(activeAt(hours, lastChange).nextChangeMs, now, where);
      lastChange = now;
    } else if (before === undefined) {
      lastChange = now;
    }
  }
}

function wallClock(timeZone: string): (nowMs: number) => number {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "medium",
  });
  return (nowMs) => Date.parse(`${format.format(nowMs).replace(" ", "T")}Z`);
}

function randomCrons(random: SeededRandom): string[] {
  const minute = () => random.pick(["0", "15", "30", "45", "*/20", "7,37", `${random.below(60)}`]);
  const hour = () => random.pick(["0", "1", "2", "3", "23", "*/3", "22-4", "1-3", "*"]);
  const days = () => random.pick(["* * *", "* * *", "* * 0,6", "* * 5-7", "1-8 * *", "* 3,10 *"]);
  return Array.from({ length: 1 + random.below(2) }, () => `${minute()} ${hour()} ${days()}`);
}

const FIELDS = [
  ["*", "0", "1-5", "*/7", "2,4", "59"],
  ["*", "0", "7", "1-5", "*/7", "22-3"],
  ["*", "*", "*", "L", "15W", "31", "L-3", "1-29"],
  ["*", "*", "*", "jan", "2-4", "12"],
  ["*", "*", "mon-fri", "1#5", "7", "?", "5L"],
] as const;

const ODD_FIELDS = [
  "",
  "99",
  "1-",
  "-",
  "NaN",
  "1e3",
  "1-999999999",
  "٣",
  "\0",
  "W",
  "1#9",
  "a",
] as const;

const ODD_VALUES = [null, 5, [], {}, "@daily", "@never", "", [["0 1 * * *"]], [null]] as const;

function hostileCrons(random: SeededRandom): unknown {
  if (random.number() < 0.05) return random.pick<unknown>(ODD_VALUES);
  const cron = () =>
    FIELDS.map((field) => random.pick<string>(random.number() < 0.02 ? ODD_FIELDS : field)).join(
      " ",
    );
  return random.below(2) === 0 ? cron() : Array.from({ length: 1 + random.below(3) }, cron);
}
