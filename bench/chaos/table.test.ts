import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FaultRecord } from "./record.js";
import { asLine, asTable } from "./table.js";

const RECORD: FaultRecord = {
  number: 7,
  name: "outlet killed",
  hits: ["outlet"],
  camera: "victim1",
  patienceMs: 0,
  detectedMs: 300,
  reasons: ["outlet"],
  allowedReasons: ["outlet"],
  others: [],
  recoveredMs: 1720,
  workerBackMs: undefined,
  witnesses: [{ id: "witness1", sent: 14, lost: 9, pauseMs: 1170 }],
  changes: 0,
  drops: ["a", "b"],
  viewersBackMs: 1700,
  replaced: ["outlet"],
  processes: [],
  strays: [],
  error: undefined,
};

describe("the line of a fault", () => {
  it("says what was measured, and which promises were broken", () => {
    const [line, promise] = asLine(RECORD, ["late"]).split("\n");
    assert.match(line ?? "", /7 {2}outlet killed .*noticed 0\.30 {2}well 1\.72 .*lost 9\/14/);
    assert.match(line ?? "", /2 viewers disconnected, back after 1\.70 {2}outlet$/);
    assert.equal(promise, "      BROKEN: late");
  });

  it("says never of what did not come back", () => {
    assert.match(asLine({ ...RECORD, recoveredMs: undefined }, []), /well never/);
  });
});

describe("the table", () => {
  it("has a row a kind, with the median and the worst", () => {
    const times = [900, 100, 500].map((recoveredMs) => ({ ...RECORD, recoveredMs }));
    const other = { ...RECORD, name: "agent killed", drops: [], viewersBackMs: undefined };
    const [head, first, second, ...rest] = asTable([...times, other]).split("\n");
    assert.match(head ?? "", /^fault +times +noticed/);
    assert.match(first ?? "", /^agent killed +1 +0\.30 +1\.72 +9 of 14/);
    assert.match(second ?? "", /^outlet killed +3 +0\.30 \/ 0\.30 +0\.50 \/ 0\.90 +27 of 42/);
    assert.match(second ?? "", / 6 +1\.70 \/ 1\.70 +outlet$/);
    assert.deepEqual(rest, []);
  });
});
