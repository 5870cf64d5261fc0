import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dueSince } from "./schedule.js";

const at = (time: string) => Date.parse(time);

describe("dueSince", () => {
  const nightly = { timeZone: "Europe/Berlin", at: "30 2 * * *" };
  const cases: readonly [string, string, string, string | undefined, string][] = [
    [
      "is not due before its time",
      "2026-01-05T01:30Z",
      "2026-01-06T01:29Z",
      undefined,
      "2026-01-06T01:30Z",
    ],
    [
      "is due at its time",
      "2026-01-05T01:30Z",
      "2026-01-06T01:30Z",
      "2026-01-06T01:30Z",
      "2026-01-07T01:30Z",
    ],
    [
      "is due once for a week",
      "2026-01-05T01:30Z",
      "2026-01-12T00:00Z",
      "2026-01-11T01:30Z",
      "2026-01-12T01:30Z",
    ],
    [
      "is due at the jump of the clock",
      "2026-03-28T01:30Z",
      "2026-03-29T01:00Z",
      "2026-03-29T01:00Z",
      "2026-03-30T00:30Z",
    ],
    [
      "is due once when the hour comes twice",
      "2026-10-25T00:30Z",
      "2026-10-25T01:30Z",
      undefined,
      "2026-10-26T01:30Z",
    ],
    [
      "does not trust a last run in the future",
      "2036-01-01T00:00Z",
      "2026-01-05T12:00Z",
      "2026-01-05T01:30Z",
      "2026-01-06T01:30Z",
    ],
  ];
  for (const [name, lastRun, now, missed, next] of cases) {
    it(name, () => {
      assert.deepEqual(dueSince(nightly, at(lastRun), at(now)), {
        missedMs: missed === undefined ? undefined : at(missed),
        nextMs: at(next),
      });
    });
  }
});
