/** Detections for tests. */

import type { Detection, FrameDetections } from "../sidecar/state.js";

/** A frame of 1000 x 1000 pixels with an object of each label. */
export function frameOf(
  frame: Partial<FrameDetections>,
  labels: readonly string[],
): FrameDetections {
  return {
    cameraId: "front",
    width: 1000,
    height: 1000,
    captured: new Date(0),
    pts: 0n,
    inferred: true,
    detections: labels.map((label) => detectionOf({ label })),
    ...frame,
  };
}

export function detectionOf(detection: Partial<Detection>): Detection {
  return {
    classId: 0,
    label: "person",
    confidence: 0.9,
    trackId: undefined,
    box: { left: 0, top: 0, width: 0, height: 0 },
    attributes: [],
    ...detection,
  };
}
