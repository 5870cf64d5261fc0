/** The state of everything in one line, for the report by schedule. Pure. */

import type { CameraStatus, State } from "../sidecar/state.js";
import type { Trial } from "../trial/trial.js";
import type { Fields } from "./line.js";

/** Undefined state: nothing was heard of the sidecar yet. */
export function summary(state: State | undefined, trial: Trial): Fields {
  if (state === undefined) return { sidecar: "not heard of yet", trial: trial.t };
  const { pipeline, cameras, outputs } = state;
  const viewers = outputs.reduce((sum, output) => sum + output.viewers, 0);
  return {
    trial: trial.t,
    pipeline: pipeline.t,
    cameras: countBy(cameras.map(({ state }) => state.t)),
    outputs: countBy(outputs.map(({ state }) => state.t)),
    viewers,
    lost: Object.fromEntries(cameras.flatMap(lostReason)),
    framesPerSecond: Object.fromEntries(
      cameras.map(({ id, counters }) => [id, Math.round(counters.frameRate * 10) / 10]),
    ),
  };
}

function lostReason({ id, state }: CameraStatus): [string, string][] {
  return state.t === "lost" ? [[id, state.reason]] : [];
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
