/** The verdict at the end of a trial: compares what the cameras did in it with the baseline. Pure. */

import type { PipelineSpec } from "../../common/settings/spec.js";
import {
  type CameraFigures,
  type Figures,
  figuresOf,
  type Meter,
  outputName,
} from "./observation.js";
import type { Stage } from "./progress.js";
import type { Bounds, Fault, Moment } from "./rules.js";

/** Objects per minute that a camera must have seen in the baseline before their absence means anything. */
const TELLING_OBJECTS = 10;

/** A camera that counts, in the baseline and in the trial. */
interface Pair {
  readonly id: string;
  readonly before: CameraFigures;
  readonly during: CameraFigures;
}

/**
 * Everything that is out of bounds. A camera counts if it was live in the baseline and all through the trial: one that
 * was down, went down or is off says nothing about the candidate, unless it sends what the candidate cannot decode.
 */
export function judge({ comparison, observation }: Stage, at: Moment): readonly Fault[] {
  const { candidate, lastGood, baseline, failingBefore } = comparison;
  const { meter, outputs } = observation;
  const { bounds } = at;
  const { liveMs } = at.times;
  const figures = figuresOf(meter);
  const live = Object.entries(figures.cameras).filter(([, now]) => now.liveMs >= liveMs);
  const ids = new Set(live.map(([id]) => id).filter((id) => !meter.lost.has(id)));
  const faults = outputs.flatMap((output): Fault[] => {
    const isDue = output.cameraId === "" ? ids.size > 0 : ids.has(output.cameraId);
    const name = outputName(output);
    if (!isDue || output.state.t !== "waiting" || failingBefore.has(name)) return [];
    return [
      { code: "no output", detail: `output ${name} shows nothing, and its cameras are live` },
    ];
  });
  if (baseline === undefined) return faults;
  const same = sameCameras((lastGood ?? candidate).desired.spec, candidate.desired.spec);
  const pairs = live.flatMap(([id, during]): Pair[] => {
    const before = figuresBefore(baseline, id);
    if (before === undefined || before.liveMs < liveMs) return [];
    return same.has(id) && ids.has(id) ? [{ id, before, during }] : [];
  });
  const added = addedCameras(baseline, live);
  return [
    ...faults,
    ...undecodedCameras(meter.lost, baseline, same),
    ...slowCameras(pairs, added, bounds.frameRate),
    ...slowInference(baseline, figures, loadFactor(baseline, added, liveMs), bounds),
    ...missingObjects(pairs, bounds.detections),
  ];
}

/** A camera may be called what every object of the language has, such as constructor. */
function figuresBefore({ cameras }: Figures, id: string): CameraFigures | undefined {
  return Object.hasOwn(cameras, id) ? cameras[id] : undefined;
}

/** Cameras of both specifications whose frames come from the same place. */
function sameCameras(before: PipelineSpec, after: PipelineSpec): ReadonlySet<string> {
  const feed = ({ id, uri, transport }: PipelineSpec["cameras"][number]) =>
    JSON.stringify([id, uri, transport]);
  const feeds = new Set(before.cameras.map(feed));
  return new Set(after.cameras.filter((camera) => feeds.has(feed(camera))).map(({ id }) => id));
}

/** Cameras that were not live for most of the baseline: the machine now gives them a share that it did not give then. */
function addedCameras(
  baseline: Figures,
  live: readonly (readonly [string, CameraFigures])[],
): ReadonlyMap<string, CameraFigures> {
  const longest = Math.max(0, ...Object.values(baseline.cameras).map(({ liveMs }) => liveMs));
  return new Map(live.filter(([id]) => (figuresBefore(baseline, id)?.liveMs ?? 0) < longest / 2));
}

function undecodedCameras(
  lost: Meter["lost"],
  baseline: Figures,
  same: ReadonlySet<string>,
): Fault[] {
  const ids = [...lost].filter(([, reason]) => reason === "unsupported codec").map(([id]) => id);
  return ids
    .filter((id) => same.has(id) && figuresBefore(baseline, id) !== undefined)
    .map((id) => ({ code: "not decoded", detail: `camera ${id}: its stream cannot be decoded` }));
}

/** Where cameras were added, all frames count together: a machine that gives as many as before is as fast as before. */
function slowCameras(
  pairs: readonly Pair[],
  added: ReadonlyMap<string, CameraFigures>,
  leastShare: number,
): Fault[] {
  const slow = pairs.filter(
    ({ before, during }) => during.framesPerSecond < leastShare * before.framesPerSecond,
  );
  const total = (figures: readonly CameraFigures[]) =>
    figures.reduce((sum, { framesPerSecond }) => sum + framesPerSecond, 0);
  const old = pairs.filter(({ id }) => !added.has(id)).map(({ during }) => during);
  const now = total([...old, ...added.values()]);
  if (added.size > 0 && now >= leastShare * total(pairs.map(({ before }) => before))) return [];
  const areMost = 2 * slow.length > pairs.length;
  return slow
    .filter((pair) => areMost || !sendsLess(pair, leastShare))
    .map(({ id, before, during }) => ({
      code: "frame rate",
      detail: `camera ${id}: ${round(during.framesPerSecond)} frames a second, ${round(before.framesPerSecond)} before`,
    }));
}

/** A camera that sends fewer frames while most others do not, and loses no larger part of them, does so by itself, as at dusk. */
function sendsLess({ before, during }: Pair, leastShare: number): boolean {
  const share = (one: CameraFigures) => one.framesPerSecond / Math.max(one.receivedPerSecond, 1e-9);
  return (
    during.receivedPerSecond < leastShare * before.receivedPerSecond &&
    share(during) > 0.9 * share(before)
  );
}

/** How many times as many cameras share the machine as in the baseline, at least 1. */
function loadFactor(
  { cameras }: Figures,
  added: ReadonlyMap<string, CameraFigures>,
  liveMs: number,
): number {
  const before = Object.entries(cameras).filter(
    ([id, one]) => one.liveMs >= liveMs && !added.has(id),
  );
  return 1 + added.size / Math.max(1, before.length);
}

function slowInference(
  { inferenceMs: before }: Figures,
  { inferenceMs: now }: Figures,
  load: number,
  { latencyFactor, latencySlackMs }: Bounds,
): Fault[] {
  if (before === undefined || now === undefined) return [];
  if (now <= latencyFactor * load * before + latencySlackMs) return [];
  const detail = `an inference takes ${round(now)} ms (95th percentile), ${round(before)} ms before`;
  return [{ code: "latency", detail }];
}

function missingObjects(pairs: readonly Pair[], leastShare: number | undefined): Fault[] {
  if (leastShare === undefined) return [];
  const telling = pairs.filter(({ before }) => before.objectsPerMinute >= TELLING_OBJECTS);
  const sum = (which: "before" | "during") =>
    telling.reduce((total, pair) => total + pair[which].objectsPerMinute, 0);
  const [before, during] = [sum("before"), sum("during")];
  if (during >= leastShare * before) return [];
  const detail = `${round(during)} objects a minute, ${round(before)} before`;
  return [{ code: "detections", detail }];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
