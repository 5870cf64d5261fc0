import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { activeAt, type Hours, hoursSchema } from "./hours.js";

function at(time: string): number {
  return Date.parse(time);
}

function activity(hours: Hours, time: string): string {
  const { active, nextChangeMs } = activeAt(hours, at(time), "UTC");
  const next = nextChangeMs === undefined ? "never" : new Date(nextChangeMs).toISOString();
  return `${active ? "on" : "off"} until ${next.replace(":00.000Z", "Z")}`;
}

const office: Hours = { timeZone: "Europe/Berlin", on: "0 7 * * 1-5", off: "0 19 * * 1-5" };
const inGap = (timeZone: string): Hours => ({ timeZone, on: "15 2 * * *", off: "0 5 * * *" });

describe("activeAt", () => {
  const cases: readonly [string, Hours, string, string][] = [
    ["is on from the moment of on", office, "2026-01-05T06:00Z", "on until 2026-01-05T18:00Z"],
    ["is off just before", office, "2026-01-05T05:59:59.999Z", "off until 2026-01-05T06:00Z"],
    ["is off from the moment of off", office, "2026-01-05T18:00Z", "off until 2026-01-06T06:00Z"],
    ["is off over a weekend", office, "2026-01-10T12:00Z", "off until 2026-01-12T06:00Z"],
    ["follows summer time", office, "2026-07-01T05:00Z", "on until 2026-07-01T17:00Z"],
    [
      "sees a night as one",
      { on: "0 22 * * *", off: "0 6 * * *" },
      "2026-12-31T23:59Z",
      "on until 2027-01-01T06:00Z",
    ],
    [
      "takes the process's zone where none is named",
      { on: "0 22 * * *", off: "0 6 * * *" },
      "2026-03-01T12:00Z",
      "off until 2026-03-01T22:00Z",
    ],
    [
      "takes several expressions",
      { on: ["0 7 * * 1-5", "30 9 * * sat"], off: ["0 12 * * 6", "0 19 * * 1-5"] },
      "2026-01-10T10:00Z",
      "on until 2026-01-10T12:00Z",
    ],
    [
      "lets off win where both name a minute",
      { on: "0 * * * *", off: "0 12 * * *" },
      "2026-01-10T11:30Z",
      "on until 2026-01-10T12:00Z",
    ],
    [
      "goes on again after a minute that off has won",
      { on: "0 * * * *", off: "0 12 * * *" },
      "2026-01-10T12:00Z",
      "off until 2026-01-10T13:00Z",
    ],
    [
      "finds a leap day years ahead",
      { on: "0 0 29 2 *", off: "0 0 1 3 *" },
      "2025-06-01T00:00Z",
      "off until 2028-02-29T00:00Z",
    ],
    [
      "knows that 2100 has no leap day",
      { on: "0 0 29 2 mon", off: "0 0 1 3 *" },
      "2093-01-01T00:00Z",
      "off until 2112-02-29T00:00Z",
    ],
    [
      "knows the last day of a month",
      { on: "0 0 L * *", off: "0 12 L * *" },
      "2028-02-28T12:00Z",
      "off until 2028-02-29T00:00Z",
    ],
    [
      "knows the second Monday",
      { on: "0 0 * * 1#2", off: "0 0 * * 2#2" },
      "2026-06-01T00:00Z",
      "off until 2026-06-08T00:00Z",
    ],
    [
      "takes a clock without a battery for what it says",
      office,
      "1970-01-01T00:00Z",
      "off until 1970-01-01T06:00Z",
    ],
    [
      "comes at the jump where the clock skips the time: Berlin",
      inGap("Europe/Berlin"),
      "2026-03-29T00:59:59Z",
      "off until 2026-03-29T01:00Z",
    ],
    [
      "is on from the jump",
      inGap("Europe/Berlin"),
      "2026-03-29T01:00Z",
      "on until 2026-03-29T03:00Z",
    ],
    [
      "comes at the jump where the clock skips the time: New York",
      inGap("America/New_York"),
      "2026-03-08T06:00Z",
      "off until 2026-03-08T07:00Z",
    ],
    [
      "comes at the jump where the clock skips half an hour",
      inGap("Australia/Lord_Howe"),
      "2026-10-03T12:00Z",
      "off until 2026-10-03T15:30Z",
    ],
    [
      "comes once where the clock shows the time twice: Berlin",
      { timeZone: "Europe/Berlin", on: "15 2 * * *", off: "45 2 * * *" },
      "2026-10-25T00:50Z",
      "off until 2026-10-26T01:15Z",
    ],
    [
      "comes once where the clock shows the time twice: New York",
      { timeZone: "America/New_York", on: "15 1 * * *", off: "0 3 * * *" },
      "2026-11-01T06:15Z",
      "on until 2026-11-01T08:00Z",
    ],
    [
      "comes once where the clock shows half an hour twice",
      { timeZone: "Australia/Lord_Howe", on: "45 1 * * *", off: "50 1 * * *" },
      "2026-04-04T15:16Z",
      "off until 2026-04-05T15:15Z",
    ],
    [
      "does not change where a jump brings off and a later on together",
      {
        timeZone: "Europe/Berlin",
        on: ["0 1 * * *", "45 2 * * *"],
        off: ["30 2 * * *", "0 9 * * *"],
      },
      "2026-03-29T00:30Z",
      "on until 2026-03-29T07:00Z",
    ],
    [
      "lives through a day that does not exist",
      { timeZone: "Pacific/Apia", on: "0 8 30 * *", off: "0 9 31 * *" },
      "2011-12-30T10:00Z",
      "on until 2011-12-30T19:00Z",
    ],
    [
      "knows the overlap around midnight",
      { timeZone: "America/Havana", on: "30 0 * * *", off: "45 0 * * *" },
      "2026-11-01T05:10Z",
      "off until 2026-11-02T05:30Z",
    ],
  ];
  for (const [name, hours, time, expected] of cases) {
    it(name, () => {
      assert.ok(hoursSchema.safeParse(hours).success);
      assert.equal(activity(hours, time), expected);
    });
  }

  it("finds the right answer after any sleep and any step of the clock", () => {
    const asked = (time: string) => activeAt(office, at(time)).active;
    assert.equal(asked("2026-01-05T05:00Z"), false);
    assert.equal(asked("2026-01-09T12:00Z"), true);
    assert.equal(asked("1970-01-01T00:00Z"), false);
    assert.equal(asked("2026-01-09T12:00Z"), true);
  });
});

describe("hours in a document", () => {
  const refused: readonly [string, unknown, string][] = [
    [
      "a sixth field",
      { on: "0 0 7 * * 1", off: "0 1 * * *" },
      "on: is not a cron expression: it has 6 fields; allowed:",
    ],
    [
      "no expression",
      { on: "", off: "0 1 * * *" },
      "on: is not a cron expression: it has 0 fields; allowed:",
    ],
    ["no list", { on: [], off: "0 1 * * *" }, "on: "],
    ["a number", { on: 7, off: "0 1 * * *" }, "on: is not a cron expression; allowed: five fields"],
    [
      "minute 60",
      { on: "0 1 * * *", off: ["@daily", "60 * * * *"] },
      "off.1: is not a cron expression: not understood: minute 60",
    ],
    [
      "30 February",
      { on: "0 0 30 2 *", off: "0 1 * * *" },
      "on: is not a cron expression: not understood: dayOfMonth 30",
    ],
    [
      "a day that no such day",
      { on: "0 0 1W * 1#4", off: "0 1 * * *" },
      "on: is not a cron expression: no such day",
    ],
    [
      "a range without end",
      { on: "0-999999999 * * * *", off: "0 1 * * *" },
      "on: is not a cron expression: 999999999 is too",
    ],
    [
      "an endless text",
      { on: "1,".repeat(1e5), off: "0 1 * * *" },
      "on: is not a cron expression: it is longer than 128",
    ],
    [
      "an on that off always beats",
      { on: "0 7 * * 1", off: "0 7 * * *" },
      "on: never has an effect",
    ],
    [
      "a zone on Mars",
      { timeZone: "Mars", on: "0 1 * * *", off: "0 2 * * *" },
      "timeZone: is not a time zone",
    ],
    ["a key of its own", { on: "0 1 * * *", off: "0 2 * * *", until: 5 }, ": Unrecognized key"],
  ];
  for (const [what, document, expected] of refused) {
    it(`are refused for ${what}`, () => {
      const { error } = hoursSchema.safeParse(document);
      const faults =
        error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
      assert.equal(faults.length, 1, faults.join("\n"));
      assert.ok(faults[0]?.startsWith(expected), faults[0]);
    });
  }

  it("have a JSON Schema", () => {
    const schema = z.toJSONSchema(hoursSchema, { io: "input" });
    assert.deepEqual(schema.required, ["on", "off"]);
  });
});
