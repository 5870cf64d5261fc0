/** The end of a trial's time: what the cameras have shown. Pure. */

import type { Fault } from "./fault.js";
import { judge, sameCameras } from "./judge.js";
import { figuresOf } from "./meter.js";
import { confirm, refuse, selfTest } from "./moves.js";
import type { Rules } from "./rules.js";
import { outputName, type Seen } from "./seen.js";
import type { Case, Trial } from "./trial.js";

export function verdict(
  trial: Extract<Trial, { t: "watching" }>,
  nowMs: number,
  rules: Rules,
): Trial {
  const { seen, selfTested } = trial;
  const { candidate, lastGood, before } = trial.case;
  const of = (lastGood ?? candidate).desired.spec;
  const same = sameCameras(of, candidate.desired.spec);
  const faults = [
    ...darkOutputs(trial.case, seen, rules),
    ...judge({ before, during: seen.meter, same }, rules.bounds, rules.times),
  ];
  if (faults.length > 0) return refuse(trial, trial.case, faults, nowMs, rules);
  const hasInferred = seen.meter.laps.some(({ cameras }) =>
    [...cameras.values()].some(({ inferred }) => inferred > 0),
  );
  // Nobody looks at cameras that show nothing: there the test picture may stand for them.
  if (!hasInferred && !selfTested) return selfTest(trial, trial.case, "verdict", nowMs, rules);
  return confirm(trial, figuresOf(seen.meter), rules);
}

/** Outputs without a picture, although a camera that they show was live for long enough. */
function darkOutputs({ troubled }: Case, seen: Seen, { times }: Rules): readonly Fault[] {
  const { cameras } = figuresOf(seen.meter);
  const live = Object.entries(cameras).filter(([, { liveMs }]) => liveMs >= times.liveMs);
  const ids = live.map(([id]) => id).filter((id) => !seen.meter.lost.has(id));
  return seen.outputs.flatMap((output): Fault[] => {
    const isDue = output.cameraId === "" ? ids.length > 0 : ids.includes(output.cameraId);
    const name = outputName(output);
    if (!isDue || output.state.t !== "waiting" || troubled.has(name)) return [];
    const detail = `output ${name} shows nothing, and its cameras are live`;
    return [{ code: "no picture", detail }];
  });
}
