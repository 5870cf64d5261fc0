import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { missedSince } from "./schedule.js";

const at = (time: string) => Date.parse(time);

describe("missedSince", () => {
  const nightly = { timeZone: "Europe/Berlin", at: "30 2 * * *" };
  const cases: readonly [string, string, string, string | undefined][] = [
    ["is not due before its time", "2026-01-05T01:30Z", "2026-01-06T01:29Z", undefined],
    ["is due at its time", "2026-01-05T01:30Z", "2026-01-06T01:30Z", "2026-01-06T01:30Z"],
    ["is due once for a week", "2026-01-05T01:30Z", "2026-01-12T00:00Z", "2026-01-11T01:30Z"],
    [
      "is due at the jump of the clock",
      "2026-03-28T01:30Z",
      "2026-03-29T01:00Z",
      "2026-03-29T01:00Z",
    ],
    ["is due once when the hour comes twice", "2026-10-25T00:30Z", "2026-10-25T01:30Z", undefined],
    [
      "does not trust a last run in the future",
      "2036-01-01T00:00Z",
      "2026-01-05T12:00Z",
      "2026-01-05T01:30Z",
    ],
  ];
  for (const [name, lastRun, now, missed] of cases) {
    it(name, () => {
      const expected = missed === undefined ? undefined : at(missed);
      assert.equal(missedSince(nightly, at(lastRun), at(now)), expected);
    });
  }
});
