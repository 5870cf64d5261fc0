import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LONGEST_TEXT, MOST_OBJECTS, writeReport } from "../../common/hub/node-report.js";
import type { CameraState } from "../sidecar/state.js";
import { LIVE, LOST, SimulatedNode } from "../testing/simulated-node.js";
import type { Candidate } from "../trial/candidate.js";
import { NEW_RECORD, recordPass, recordVersionFailure } from "../trial/record.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES } from "../trial/rules.js";
import { NO_TRIAL, type Trial } from "../trial/trial.js";
import { composeReport, type HubObject, type NodeFacts } from "./compose.js";

const FACTS: NodeFacts = {
  service: { version: "2.0.0", on: true, agreementId: "a" },
  trial: NO_TRIAL,
  record: NEW_RECORD,
  state: undefined,
  ended: undefined,
  objects: [],
  tried: [],
  used: [],
};

function report(facts: Partial<NodeFacts>) {
  return composeReport({ ...FACTS, ...facts }, (text) => text.replaceAll("hunter2", "***"));
}

function candidate(settings: string, model: string): Candidate {
  const spec = {
    cameras: [],
    model: { bundlePath: model, interval: undefined, threshold: undefined, classes: [] },
    tracker: undefined,
    overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
    outputs: [],
    processes: [],
  };
  const revision = `settings ${settings}, model ${model}, service 2.0.0`;
  return { revision, desired: { generation: settings, spec }, content: {} };
}

/** A trial of new settings that failed for this reason and was rolled back. */
function refused(detail: string): Trial {
  const rules = { on: true, version: undefined, bounds: DEFAULT_BOUNDS, times: DEFAULT_TIMES };
  const node = new SimulatedNode(rules);
  const good = candidate("aaa", "street@1.0.0");
  node.record = recordPass(node.record, good, undefined, undefined, 0);
  node.consider(good, good);
  node.pass(10);
  const fresh = candidate("bbb", "street@2.0.0");
  node.consider(fresh, good);
  const problem = { severity: "error", code: "x", path: "model", message: detail } as const;
  node.tell({ t: "checked", generation: "bbb", problems: [problem] });
  assert.equal(node.trial.t, "failed");
  return node.trial;
}

function accepted(id: string, instance: string, contentId = id): HubObject {
  const outcome = { t: "accepted", contentId } as const;
  return { type: "slipstream-model", id, entry: { instance, dataId: "1", version: "", outcome } };
}

function state(...cameras: CameraState[]): NonNullable<NodeFacts["state"]> {
  const counters = {
    ...{ framesReceived: 0, framesDropped: 0, framesInferred: 0, frameRate: 0 },
    ...{ lastFrame: undefined, inferenceSeconds: 0, inferenceCpuSeconds: 0 },
    detectionLatency: undefined,
  };
  return {
    generation: "aaa",
    pipeline: { t: "running" },
    cameras: cameras.map((one, i) => ({ id: `${i}`, since: undefined, state: one, counters })),
    outputs: [],
    processes: [],
  };
}

describe("the node report", () => {
  it("shows that a version passed only when its own trial did", () => {
    assert.deepEqual(report({ state: state(LIVE) }).trial, { state: "on trial" });
    const other = { ...NEW_RECORD, passedVersions: ["1.0.0"] };
    assert.deepEqual(report({ record: other }).trial, { state: "on trial" });
    const own = { ...NEW_RECORD, passedVersions: ["1.0.0", "2.0.0"] };
    assert.deepEqual(report({ record: own }).trial, { state: "passed" });
    const off = { ...FACTS.service, on: false };
    assert.deepEqual(report({ record: own, service: off }).trial, { state: "off" });
  });

  it("names a version that failed here while another version runs", () => {
    const failure = {
      version: "3.0.0",
      at: "2026-11-30T12:00:00.000Z",
      agreements: ["a"],
      faults: [{ code: "worker died", detail: "the worker died 4 times, the last of hunter2" }],
    } as const;
    const record = recordVersionFailure({ ...NEW_RECORD, passedVersions: ["2.0.0"] }, failure);
    const { failed, trial } = report({ record });
    assert.deepEqual(failed, [
      {
        version: "3.0.0",
        at: failure.at,
        reason: "worker died: the worker died 4 times, the last of ***",
      },
    ]);
    assert.equal(trial.state, "passed");
    const service = { ...FACTS.service, version: "3.0.0" };
    assert.equal(report({ record, service }).trial.state, "failed");
  });

  it("counts cameras, and names what is in use", () => {
    const trial = refused("no such file");
    const composed = report({ trial, state: state(LIVE, LOST, LIVE) });
    assert.deepEqual(composed.cameras, { live: 2, all: 3 });
    assert.deepEqual([composed.settings, composed.model], ["aaa", "street@1.0.0"]);
    assert.equal(composed.reason, "refused: model: no such file");
  });

  it("shows the state of each object of the hub", () => {
    const refusal: HubObject = {
      type: "slipstream-settings",
      id: "night",
      entry: {
        ...{ instance: "9", dataId: "1", version: "" },
        outcome: { t: "refused", reason: "camera is not known", conditions: "2.0.0" },
      },
    };
    const objects = [accepted("old", "5"), accepted("fresh", "11"), accepted("good", "7"), refusal];
    const facts = { objects, tried: ["fresh"], used: ["good"], trial: refused("no") };
    assert.deepEqual(
      report(facts).objects.map(({ id, state, reason }) => [id, state, reason]),
      [
        ["fresh", "failed", "refused: model: no"],
        ["night", "refused", "camera is not known"],
        ["good", "passed", undefined],
        ["old", "accepted", undefined],
      ],
    );
  });

  it("is small, however much there is to report", () => {
    const long = "x".repeat(100_000);
    const objects = Array.from({ length: 500 }, (_, i) => accepted(`${long}${i}`, `${i + 1}`));
    const composed = report({ objects, trial: refused(long), tried: [`${long}499`] });
    assert.equal(composed.objects.length, MOST_OBJECTS);
    assert.equal(composed.reason?.length, LONGEST_TEXT);
    assert.ok(writeReport({ ...composed, at: new Date().toISOString() }).length < 8192);
  });
});
