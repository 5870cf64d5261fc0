import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTask } from "node-cron";
import { readCron } from "./cron.js";

const DAY_MS = 86_400_000;

describe("readCron", () => {
  for (const text of [
    "0 7 * * 1-5",
    "59 23 31 12 *",
    "5,10-12 */6 1-7 feb,mar,dec mon",
    "0 0 13 * fri",
    "0 0 ? * fri-mon",
    "0 0 L-2 * *",
    "0 0 LW * *",
    "0 0 1W,15 * *",
    "0 0 31W,29W,30W * *",
    "0 0 * * 0#1,7#5,6#3",
    "0 0 * 2 1#2,5L",
    "0 0 * * 0L,7L,3L",
    "@weekly",
  ]) {
    it(`reads ${text} as node-cron does`, () => {
      const reading = readCron(text);
      assert.ok(reading.t === "cron");
      const { minutes, firesOn } = reading.cron;
      const task = createTask(text, () => {}, { timezone: "UTC" });
      void task.destroy();
      const [first = 0] = minutes;
      for (let day = 19_750; day < 19_750 + 1500; day++) {
        const fires = task.match(new Date(day * DAY_MS + first * 60_000));
        assert.equal(firesOn(day), fires, new Date(day * DAY_MS).toISOString());
      }
      const day = Array.from({ length: 1500 }, (_, i) => 19_750 + i).find(firesOn) ?? 0;
      const fired = Array.from({ length: 1440 }, (_, minute) => minute).filter((minute) =>
        task.match(new Date(day * DAY_MS + minute * 60_000)),
      );
      assert.deepEqual(minutes, fired);
    });
  }
});
