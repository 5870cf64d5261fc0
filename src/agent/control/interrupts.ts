/** Whether a change interrupts a stream. What every engine changes live does not. Pure. */

import { isDeepStrictEqual } from "node:util";
import type { PipelineSpec } from "../../common/settings/spec.js";

/**
 * True: some stream may pause while the change is applied. Cameras' hours, logins and names, thresholds, classes, the
 * overlay, who may watch, the limits of files and the bit rate change live.
 */
export function interrupts(before: PipelineSpec, after: PipelineSpec): boolean {
  return !isDeepStrictEqual(rebuiltParts(before), rebuiltParts(after));
}

/** The parts of a specification that some engine cannot change live. */
function rebuiltParts({
  cameras,
  models: [first, ...others],
  tracker,
  outputs,
}: PipelineSpec): unknown {
  return {
    cameras: cameras.map(({ name: _name, credentials: _credentials, off: _off, ...rest }) => rest),
    models: [first.bundlePath, ...others],
    tracker,
    outputs: outputs.map(({ encoding: { bitrate: _, ...encoding }, target, ...rest }) => ({
      ...{ ...rest, encoding, target },
      ...(target.t === "rtsp" ? { target: { ...target, users: [] } } : {}),
      ...(target.t === "file" ? { target: { ...target, fileDurationMs: 0, maxBytes: 0 } } : {}),
    })),
  };
}
