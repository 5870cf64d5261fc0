import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { afterEnd } from "./restart.js";

const crash = { t: "killed", signal: "SIGSEGV" } as const;
const SHORT_MS = 1000;

/** What follows each of so many quick ends in a row. */
function quickEnds(count: number) {
  return Array.from({ length: count }, (_, before) => {
    const next = afterEnd(crash, SHORT_MS, before);
    assert.equal(next.t, "restart");
    return next;
  });
}

describe("afterEnd", () => {
  it("starts again with a delay that doubles from 0.2 s to 10 s", () => {
    const delays = quickEnds(9).map(({ delayMs }) => delayMs);
    assert.deepEqual(delays, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
  });

  it("counts the ends in a row", () => {
    assert.deepEqual(
      quickEnds(4).map(({ ends }) => ends),
      [1, 2, 3, 4],
    );
  });

  it("begins anew after a minute of running", () => {
    const next = { t: "restart", delayMs: 200, ends: 1, news: "ended" };
    assert.deepEqual(afterEnd(crash, 60_000, 12), next);
    assert.notDeepEqual(afterEnd(crash, 59_999, 12), next);
  });

  it("reports the first ends, then once that they go on, then nothing", () => {
    assert.deepEqual(
      quickEnds(5).map(({ news }) => news),
      ["ended", "ended", "keeps-ending", "nothing", "nothing"],
    );
  });

  it("gives up on a half that says its configuration is bad, however long it had run", () => {
    for (const uptimeMs of [10, 100_000]) {
      const next = afterEnd({ t: "exited", code: 78 }, uptimeMs, 0);
      assert.deepEqual(next, { t: "give-up", code: 78 });
    }
  });

  it("starts a half again that ended without being asked, as if all were well", () => {
    assert.equal(afterEnd({ t: "exited", code: 0 }, SHORT_MS, 0).t, "restart");
  });

  it("tries again what could not be started", () => {
    assert.equal(afterEnd({ t: "not-started", reason: "ENOENT" }, 0, 0).t, "restart");
  });
});
