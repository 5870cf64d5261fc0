import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CameraStatus, State } from "../../src/agent/sidecar/state.js";
import { after } from "./status.js";

const COUNTERS = {
  framesReceived: 0,
  framesDropped: 0,
  framesInferred: 0,
  frameRate: 0,
  lastFrame: undefined,
  inferenceSeconds: 0,
  inferenceCpuSeconds: 0,
  detectionLatency: undefined,
};

function camera(id: string, state: CameraStatus["state"]): CameraStatus {
  return { id, since: undefined, state, counters: COUNTERS };
}

const STATE: State = {
  generation: "g",
  pipeline: { t: "running" },
  cameras: [camera("a", { t: "connecting", attempt: 1 }), camera("b", { t: "unknown" })],
  outputs: [],
  processes: [],
};

describe("the state that is followed", () => {
  it("is nothing before a whole one has come", () => {
    assert.equal(after(undefined, { t: "pipeline", pipeline: { t: "running" } }), undefined);
    assert.equal(after(undefined, { t: "state", state: STATE }), STATE);
  });

  it("takes in what is said of one camera", () => {
    const live = camera("a", { t: "live", encoding: "H264", width: 2, height: 2 });
    const state = after(STATE, { t: "camera", camera: live });
    assert.deepEqual(state?.cameras, [live, STATE.cameras[1]]);
  });

  it("does not change with what it does not know", () => {
    assert.equal(after(STATE, { t: "unknown" }), STATE);
  });
});
