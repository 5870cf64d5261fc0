import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Comparison } from "./candidate.js";
import { NOTHING_OBSERVED } from "./observation.js";
import { NEW_RECORD, recordPass, type TrialRecord } from "./record.js";
import type { Fault } from "./rules.js";
import {
  AGREEMENTS,
  type Decision,
  decideAfterTrial,
  decideAtStart,
  type Service,
} from "./service-version.js";
import type { Trial } from "./trial.js";
import { FAILURE_SPAN_MS } from "./version-marker.js";

const nowMs = Date.parse("2026-06-01T12:00:00Z");
const service: Service = { version: "2.0.0", on: true, agreementId: "a1" };
const at = new Date(nowMs - 120_000).toISOString();

const spec = {
  cameras: [],
  model: { bundlePath: "/m", interval: undefined, threshold: undefined, classes: [] },
  tracker: undefined,
  overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
  outputs: [],
};
const candidate = { revision: "s", desired: { generation: "g", spec }, content: null };

function failedTrial(more: Partial<Comparison> = {}, code: Fault["code"] = "frame rate"): Trial {
  return {
    t: "failed",
    comparison: {
      kind: "version",
      candidate,
      lastGood: candidate,
      baseline: undefined,
      failingBefore: new Set(),
      versionFailed: false,
      ...more,
    },
    faults: [{ code, detail: "half" }],
    failedBefore: undefined,
    fallback: undefined,
    retryAtMs: 0,
    observation: NOTHING_OBSERVED,
  };
}

/** The record of a node where 2.0.0 has failed in these agreements. */
function hasFailed(agreements: readonly string[], when = at): TrialRecord {
  return {
    ...NEW_RECORD,
    versionFailures: [{ version: "2.0.0", at: when, agreements, faults: [] }],
  };
}

const passed = recordPass(NEW_RECORD, candidate, undefined, "2.0.0", nowMs);

describe("a version whose trial has failed", () => {
  const cases: readonly [string, Decision["t"], Partial<Service>, Trial, TrialRecord, boolean?][] =
    [
      ["exits", "fail", {}, failedTrial(), NEW_RECORD],
      ["runs where trials are off", "run", { on: false }, failedTrial(), NEW_RECORD],
      ["runs outside of Horizon", "run", { agreementId: undefined }, failedTrial(), NEW_RECORD],
      ["runs where it has passed before", "run", {}, failedTrial(), passed],
      ["runs where the record cannot be saved", "run", {}, failedTrial(), NEW_RECORD, false],
      ["exits once in an hour", "run", {}, failedTrial(), hasFailed(["a0", "a1"])],
      [
        "exits again an hour later",
        "fail",
        {},
        failedTrial(),
        hasFailed(["a0"], new Date(nowMs - FAILURE_SPAN_MS).toISOString()),
      ],
      [
        "exits whatever other versions did",
        "fail",
        { version: "3.0.0" },
        failedTrial(),
        hasFailed(["a1"]),
      ],
      [
        "exits though a wrong clock has recorded a failure years ahead",
        "fail",
        {},
        failedTrial(),
        hasFailed(["a0"], "2099-01-01T00:00:00.000Z"),
      ],
      [
        "is not blamed for settings that never ran here",
        "run",
        {},
        failedTrial({ lastGood: undefined }, "refused"),
        NEW_RECORD,
      ],
      [
        "is blamed for refusing settings that did",
        "fail",
        {},
        failedTrial({}, "refused"),
        NEW_RECORD,
      ],
      ["is not blamed for a change", "run", {}, failedTrial({ kind: "change" }), NEW_RECORD],
    ];
  for (const [name, t, its, trial, record, durable = true] of cases) {
    it(name, () => {
      const decision = decideAfterTrial({ ...service, ...its }, trial, record, durable, nowMs);
      assert.equal(decision.t, t, JSON.stringify(decision));
    });
  }

  it("records the agreement and the reasons", () => {
    const decision = decideAfterTrial(service, failedTrial(), NEW_RECORD, true, nowMs);
    assert.ok(decision.t === "fail");
    const failure = {
      version: "2.0.0",
      at: new Date(nowMs).toISOString(),
      agreements: ["a1"],
      faults: [{ code: "frame rate", detail: "half" }],
    };
    assert.deepEqual(decision.failure, failure);
    assert.deepEqual(decision.record.versionFailures, [failure]);
  });
});

describe("a version that is started", () => {
  const marker = { version: "2.0.0", at };
  const cases: readonly [
    string,
    Decision["t"],
    Partial<Service>,
    typeof marker | undefined,
    TrialRecord,
  ][] = [
    ["runs where nothing speaks against it", "run", {}, undefined, NEW_RECORD],
    ["exits while the marker is there", "fail", {}, marker, hasFailed(["a1"])],
    ["exits by the marker alone", "fail", {}, marker, NEW_RECORD],
    ["runs in spite of the marker where trials are off", "run", { on: false }, marker, NEW_RECORD],
    ["runs outside of Horizon", "run", { agreementId: undefined }, marker, NEW_RECORD],
    ["runs in spite of another version's marker", "run", { version: "3.0.0" }, marker, NEW_RECORD],
    ["runs where it has passed", "run", {}, marker, passed],
    ["exits in one more agreement, for Horizon to count", "fail", {}, undefined, hasFailed(["a0"])],
    [
      "runs when it has failed in enough agreements and is still here",
      "run",
      {},
      undefined,
      hasFailed(Array.from({ length: AGREEMENTS }, (_, number) => `b${number}`)),
    ],
    [
      "exits in an agreement in which it has failed, though the container is new",
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
      NEW_RECORD,
    ],
  ];
  for (const [name, t, its, mark, record] of cases) {
    it(name, () => {
      const decision = decideAtStart({ ...service, ...its }, mark, record, nowMs);
      assert.equal(decision.t, t, JSON.stringify(decision));
    });
  }

  it("counts each agreement once", () => {
    const second = decideAtStart(service, undefined, hasFailed(["a0"]), nowMs);
    assert.ok(second.t === "fail");
    assert.deepEqual(second.failure.agreements, ["a0", "a1"]);
    assert.equal(second.record.versionFailures.length, 1);
    const again = decideAtStart(service, marker, second.record, nowMs);
    assert.ok(again.t === "fail");
    assert.deepEqual(again.failure.agreements, ["a0", "a1"]);
  });
});
