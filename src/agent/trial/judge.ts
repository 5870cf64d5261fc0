/** Compares what cameras do now with what they did before. Pure. */

import type { PipelineSpec } from "../../common/settings/spec.js";
import type { Fault } from "./fault.js";
import type { CameraFigures, Figures, Meter } from "./meter.js";
import { figuresOf } from "./meter.js";
import type { Bounds, Times } from "./rules.js";

/** Objects a minute that a camera must have seen before, for their absence to mean something. */
const TELLING_OBJECTS = 10;

export interface Comparison {
  /** What the last good one did; undefined: nothing is known of it. */
  readonly before: Figures | undefined;
  readonly during: Meter;
  /** Cameras whose frames come from the same place as before. */
  readonly same: ReadonlySet<string>;
}

interface Pair {
  readonly id: string;
  readonly before: CameraFigures;
  readonly during: CameraFigures;
}

/** Cameras of both specifications that are fed by the same stream. */
export function sameCameras(before: PipelineSpec, after: PipelineSpec): ReadonlySet<string> {
  const places = new Map(
    before.cameras.map(({ id, uri, transport }) => [id, `${transport} ${uri}`]),
  );
  const same = after.cameras.filter(
    ({ id, uri, transport }) => places.get(id) === `${transport} ${uri}`,
  );
  return new Set(same.map(({ id }) => id));
}

/**
 * Everything that is out of bounds at the end of a trial. A camera counts that was live before and all through the
 * trial: one that was down, went down or is off says nothing about the candidate, unless it sends what the candidate
 * cannot decode.
 */
export function judge(
  { before, during, same }: Comparison,
  bounds: Bounds,
  { liveMs }: Pick<Times, "liveMs">,
): readonly Fault[] {
  if (before === undefined) return [];
  const figures = figuresOf(during);
  const live = Object.entries(figures.cameras).filter(([, now]) => now.liveMs >= liveMs);
  const pairs = live.flatMap(([id, now]): Pair[] => {
    const then = before.cameras[id];
    if (then === undefined || then.liveMs < liveMs) return [];
    return same.has(id) && !during.lost.has(id) ? [{ id, before: then, during: now }] : [];
  });
  const fresh = newcomers(before, live);
  return [
    ...undecoded(during.lost, before, same),
    ...slowCameras(pairs, fresh, bounds.frameRate),
    ...slowInference(before, figures, load(before, fresh, liveMs), bounds.latency),
    ...blindness(pairs, bounds.detections),
  ];
}

/** Cameras that were not live for most of the time before: the machine gives them a share that it did not give then. */
function newcomers(
  { cameras }: Figures,
  live: readonly (readonly [string, CameraFigures])[],
): ReadonlyMap<string, CameraFigures> {
  const longest = Math.max(0, ...Object.values(cameras).map(({ liveMs }) => liveMs));
  return new Map(live.filter(([id]) => (cameras[id]?.liveMs ?? 0) < longest / 2));
}

function undecoded(
  lost: Meter["lost"],
  before: Figures,
  same: ReadonlySet<string>,
): readonly Fault[] {
  const ids = [...lost].filter(([, reason]) => reason === "unsupported codec").map(([id]) => id);
  return ids
    .filter((id) => same.has(id) && before.cameras[id] !== undefined)
    .map((id) => ({ code: "not decoded", detail: `camera ${id}: its stream cannot be decoded` }));
}

/** Where cameras have come, all frames together count: a machine that gives as many as before is as fast as before. */
function slowCameras(
  pairs: readonly Pair[],
  fresh: ReadonlyMap<string, CameraFigures>,
  least: number,
): readonly Fault[] {
  const slow = pairs.filter(
    ({ before, during }) => during.framesPerSecond < least * before.framesPerSecond,
  );
  const total = (figures: readonly CameraFigures[]) =>
    figures.reduce((sum, { framesPerSecond }) => sum + framesPerSecond, 0);
  const old = pairs.filter(({ id }) => !fresh.has(id)).map(({ during }) => during);
  const now = total([...old, ...fresh.values()]);
  if (fresh.size > 0 && now >= least * total(pairs.map(({ before }) => before))) return [];
  const areMost = 2 * slow.length > pairs.length;
  return slow
    .filter((pair) => areMost || !sendsLess(pair, least))
    .map(({ id, before, during }) => ({
      code: "frame rate",
      detail: `camera ${id}: ${round(during.framesPerSecond)} frames a second, ${round(before.framesPerSecond)} before`,
    }));
}

/** A camera among others that sends fewer frames, and loses no larger part of them, does so by itself: it gets dark. */
function sendsLess({ before, during }: Pair, least: number): boolean {
  const share = (one: CameraFigures) => one.framesPerSecond / Math.max(one.receivedPerSecond, 1e-9);
  return (
    during.receivedPerSecond < least * before.receivedPerSecond &&
    share(during) > 0.9 * share(before)
  );
}

/** How many times as many cameras share the machine as before, at least 1. */
function load(
  { cameras }: Figures,
  fresh: ReadonlyMap<string, CameraFigures>,
  liveMs: number,
): number {
  const before = Object.entries(cameras).filter(
    ([id, one]) => one.liveMs >= liveMs && !fresh.has(id),
  );
  return 1 + fresh.size / Math.max(1, before.length);
}

function slowInference(
  { inferenceMs: before }: Figures,
  { inferenceMs: now }: Figures,
  times: number,
  { factor, slackMs }: Bounds["latency"],
): readonly Fault[] {
  if (before === undefined || now === undefined) return [];
  if (now <= factor * times * before + slackMs) return [];
  const detail = `an inference takes ${round(now)} ms (95 of 100), ${round(before)} ms before`;
  return [{ code: "latency", detail }];
}

function blindness(pairs: readonly Pair[], least: number | undefined): readonly Fault[] {
  if (least === undefined) return [];
  const telling = pairs.filter(({ before }) => before.objectsPerMinute >= TELLING_OBJECTS);
  const sum = (which: "before" | "during") =>
    telling.reduce((total, pair) => total + pair[which].objectsPerMinute, 0);
  const [before, during] = [sum("before"), sum("during")];
  if (during >= least * before) return [];
  const detail = `${round(during)} objects a minute, ${round(before)} before`;
  return [{ code: "detections", detail }];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
