/** Whether a change interrupts pictures: what every engine puts in while frames flow does not. Pure. */

import { isDeepStrictEqual } from "node:util";
import type { Camera, Output, PipelineSpec, Target } from "../../common/settings/spec.js";

/**
 * True: some picture may stand still while the change goes in. Other cameras' hours, logins and names, thresholds,
 * classes, what is drawn, who may watch, the limits of files and the bit rate go in live.
 */
export function interrupts(before: PipelineSpec, after: PipelineSpec): boolean {
  return !isDeepStrictEqual(lasting(before), lasting(after));
}

/** What of a specification cannot change live everywhere. */
function lasting({ cameras, model, tracker, outputs }: PipelineSpec): unknown {
  return {
    cameras: cameras.map(lastingCamera),
    bundle: model.bundlePath,
    tracker,
    outputs: outputs.map(lastingOutput),
  };
}

function lastingCamera({ name: _name, credentials: _credentials, off: _off, ...rest }: Camera) {
  return rest;
}

function lastingOutput({ encoding: { bitrate: _, ...encoding }, target, ...rest }: Output) {
  return { ...rest, encoding, target: lastingTarget(target) };
}

function lastingTarget(target: Target) {
  if (target.t === "rtsp") return { ...target, users: [] };
  return target.t === "file" ? { ...target, fileDurationMs: 0, maxBytes: 0 } : target;
}
