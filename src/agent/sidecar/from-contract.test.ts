import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromCheckResponse, fromWatchResponse } from "./from-contract.js";
import { CheckResponse, WatchResponse } from "./gen/slipstream/v1/pipeline.js";
import { CameraStatus } from "./gen/slipstream/v1/state.js";

const SAID = "lost\u001b[2J\r\n\u202egnol";
const PLAIN = "lost?[2J  ?gnol";

describe("texts of the sidecar", () => {
  it("become one line without commands to a terminal: details, problems and labels", () => {
    const lost = CameraStatus.fromPartial({
      id: "front",
      state: { $case: "lost", value: { detail: SAID } },
    });
    const state = fromWatchResponse(
      WatchResponse.fromPartial({ event: { $case: "camera", value: lost } }),
    ).event;
    assert.ok(state.t === "camera" && state.camera.state.t === "lost");
    assert.equal(state.camera.state.detail, PLAIN);
    const said = { label: SAID, attributes: [{ name: SAID, value: SAID, confidence: 0.5 }] };
    const attribute = { name: PLAIN, value: PLAIN, confidence: 0.5 };
    const detections = { cameraId: "front", detections: [said] };
    const seen = fromWatchResponse(
      WatchResponse.fromPartial({ event: { $case: "detections", value: detections } }),
    ).event;
    assert.ok(seen.t === "detections");
    const [found] = seen.detections.detections;
    assert.deepEqual([found?.label, found?.attributes], [PLAIN, [attribute]]);
    const [problem] = fromCheckResponse(
      CheckResponse.fromPartial({ problems: [{ path: SAID, message: SAID }] }),
    );
    assert.deepEqual([problem?.path, problem?.message], [PLAIN, PLAIN]);
  });
});
