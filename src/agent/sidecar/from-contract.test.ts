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
    const detections = { cameraId: "front", detections: [{ label: SAID }] };
    const seen = fromWatchResponse(
      WatchResponse.fromPartial({ event: { $case: "detections", value: detections } }),
    ).event;
    assert.ok(seen.t === "detections");
    assert.deepEqual(seen.detections.labels, [PLAIN]);
    const [problem] = fromCheckResponse(
      CheckResponse.fromPartial({ problems: [{ path: SAID, message: SAID }] }),
    );
    assert.deepEqual([problem?.path, problem?.message], [PLAIN, PLAIN]);
  });
});
