import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { processTimeZone } from "./time-zone.js";

describe("the time zone of the process", () => {
  const before = process.env["TZ"];

  afterEach(() => {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  });

  for (const [variable, zone] of [
    ["Europe/Berlin", "Europe/Berlin"],
    [":America/New_York", "America/New_York"],
    ["", "UTC"],
    ["No/Such_Zone", "UTC"],
  ] as const) {
    it(`is ${zone} where TZ is "${variable}"`, () => {
      process.env["TZ"] = variable;
      assert.equal(processTimeZone(), zone);
    });
  }
});
