import assert from "node:assert/strict";
import test from "node:test";
import { outcomeTable } from "./outcomes.js";

test("each step has a line, a failed one its whole output, and the last line counts them", () => {
  const text = outcomeTable([
    { t: "ok", name: "publish", seconds: 3.21, detail: "" },
    { t: "failed", name: "canary", seconds: 0.5, detail: "one\ntwo" },
    { t: "not tried", name: "secrets", seconds: 0, detail: "HZN_AGBOT_URL is not set" },
  ]);
  assert.deepEqual(text.split("\n"), [
    "publish  ok           3.2 s",
    "canary   failed       0.5 s",
    "  one",
    "  two",
    "secrets  not tried           HZN_AGBOT_URL is not set",
    "1 ok, 1 failed, 1 not tried",
  ]);
});
