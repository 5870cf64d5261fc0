import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Fault } from "./fault.js";
import { type Memory, NEW_MEMORY, passed } from "./memory.js";
import { NOTHING_SEEN } from "./seen.js";
import {
  AGREEMENTS,
  type Decision,
  decideAfterTrial,
  decideAtStart,
  FAILURE_SPAN_MS,
  type Service,
} from "./service-version.js";
import type { Case, Trial } from "./trial.js";

const nowMs = Date.parse("2026-06-01T12:00:00Z");
const service: Service = { version: "2.0.0", on: true, agreementId: "a1" };
const at = new Date(nowMs - 120_000).toISOString();

const spec = {
  cameras: [],
  model: { bundlePath: "/m", interval: undefined, threshold: undefined, classes: [] },
  tracker: undefined,
  overlay: { boxes: true, labels: true, counts: true, names: true },
  outputs: [],
};
const candidate = { subject: "s", desired: { generation: "g", spec }, content: null };

function failedTrial(more: Partial<Case> = {}, code: Fault["code"] = "frame rate"): Trial {
  return {
    t: "refused",
    case: {
      kind: "service",
      candidate,
      lastGood: candidate,
      before: undefined,
      troubled: new Set(),
      versionFailed: false,
      ...more,
    },
    faults: [{ code, detail: "half" }],
    remembered: undefined,
    instead: undefined,
    againMs: 0,
    seen: NOTHING_SEEN,
  };
}

/** Remembers that 2.0.0 has failed in these agreements. */
function hasFailed(agreements: readonly string[], when = at): Memory {
  return { ...NEW_MEMORY, failures: [{ version: "2.0.0", at: when, agreements, faults: [] }] };
}

const confirmed = passed(NEW_MEMORY, candidate, undefined, "2.0.0", nowMs);

describe("a version whose trial has failed", () => {
  const cases: readonly [string, Decision["t"], Partial<Service>, Trial, Memory, boolean?][] = [
    ["fails on purpose", "fail", {}, failedTrial(), NEW_MEMORY],
    ["runs where trials are off", "run", { on: false }, failedTrial(), NEW_MEMORY],
    ["runs outside of Horizon", "run", { agreementId: undefined }, failedTrial(), NEW_MEMORY],
    ["runs where it has passed before", "run", {}, failedTrial(), confirmed],
    ["runs where nothing can be remembered", "run", {}, failedTrial(), NEW_MEMORY, false],
    ["fails once in an hour", "run", {}, failedTrial(), hasFailed(["a0", "a1"])],
    [
      "fails again an hour later",
      "fail",
      {},
      failedTrial(),
      hasFailed(["a0"], new Date(nowMs - FAILURE_SPAN_MS).toISOString()),
    ],
    [
      "fails whatever other versions did",
      "fail",
      { version: "3.0.0" },
      failedTrial(),
      hasFailed(["a1"]),
    ],
    [
      "fails though a wrong clock has noted a failure years ahead",
      "fail",
      {},
      failedTrial(),
      hasFailed(["a0"], "2099-01-01T00:00:00.000Z"),
    ],
    [
      "does not answer for settings that never ran here",
      "run",
      {},
      failedTrial({ lastGood: undefined }, "refused"),
      NEW_MEMORY,
    ],
    ["answers for refusing settings that did", "fail", {}, failedTrial({}, "refused"), NEW_MEMORY],
    ["does not answer for a change", "run", {}, failedTrial({ kind: "change" }), NEW_MEMORY],
  ];
  for (const [name, t, its, trial, memory, durable = true] of cases) {
    it(name, () => {
      const decision = decideAfterTrial({ ...service, ...its }, trial, memory, durable, nowMs);
      assert.equal(decision.t, t, JSON.stringify(decision));
    });
  }

  it("notes the agreement and the reasons", () => {
    const decision = decideAfterTrial(service, failedTrial(), NEW_MEMORY, true, nowMs);
    assert.ok(decision.t === "fail");
    const failure = {
      version: "2.0.0",
      at: new Date(nowMs).toISOString(),
      agreements: ["a1"],
      faults: [{ code: "frame rate", detail: "half" }],
    };
    assert.deepEqual(decision.failure, failure);
    assert.deepEqual(decision.memory.failures, [failure]);
  });
});

describe("a version that is started", () => {
  const marker = { version: "2.0.0", at };
  const cases: readonly [
    string,
    Decision["t"],
    Partial<Service>,
    typeof marker | undefined,
    Memory,
  ][] = [
    ["runs when there is nothing against it", "run", {}, undefined, NEW_MEMORY],
    ["ends while the marker is there", "fail", {}, marker, hasFailed(["a1"])],
    ["ends by the marker alone", "fail", {}, marker, NEW_MEMORY],
    ["runs in spite of the marker where trials are off", "run", { on: false }, marker, NEW_MEMORY],
    ["runs outside of Horizon", "run", { agreementId: undefined }, marker, NEW_MEMORY],
    ["runs in spite of another version's marker", "run", { version: "3.0.0" }, marker, NEW_MEMORY],
    ["runs where it has passed", "run", {}, marker, confirmed],
    ["ends in one more agreement, for Horizon to count", "fail", {}, undefined, hasFailed(["a0"])],
    [
      "runs when it has failed often enough and is still here",
      "run",
      {},
      undefined,
      hasFailed(Array.from({ length: AGREEMENTS }, (_, number) => `b${number}`)),
    ],
    [
      "ends in an agreement that it has failed, though its container was made anew",
      "fail",
      {},
      undefined,
      hasFailed(["a0", "a1"]),
    ],
    [
      "runs when Horizon has not looked for an hour",
      "run",
      {},
      { ...marker, at: new Date(nowMs - FAILURE_SPAN_MS).toISOString() },
      NEW_MEMORY,
    ],
  ];
  for (const [name, t, its, mark, memory] of cases) {
    it(name, () => {
      const decision = decideAtStart({ ...service, ...its }, mark, memory, nowMs);
      assert.equal(decision.t, t, JSON.stringify(decision));
    });
  }

  it("counts each agreement once", () => {
    const second = decideAtStart(service, undefined, hasFailed(["a0"]), nowMs);
    assert.ok(second.t === "fail");
    assert.deepEqual(second.failure.agreements, ["a0", "a1"]);
    assert.equal(second.memory.failures.length, 1);
    const again = decideAtStart(service, marker, second.memory, nowMs);
    assert.ok(again.t === "fail");
    assert.deepEqual(again.failure.agreements, ["a0", "a1"]);
  });
});
