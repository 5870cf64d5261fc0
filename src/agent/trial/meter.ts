/** Measures what cameras do, from the counters in one whole state to those in the next. Pure. */

import type { CameraLostReason, CameraStatus, State } from "../sidecar/state.js";

export interface Meter {
  /** Where the next lap begins; undefined: at the next state. */
  readonly mark: Mark | undefined;
  readonly laps: readonly Lap[];
  /** Cameras that were lost since measuring began, and why. */
  readonly lost: ReadonlyMap<string, CameraLostReason>;
  /** Objects seen since the mark, by camera. */
  readonly objects: ReadonlyMap<string, number>;
}

interface Mark {
  readonly atMs: number;
  readonly cameras: ReadonlyMap<string, CameraStatus>;
}

/** What the cameras did that were live from one state to the next. */
export interface Lap {
  readonly atMs: number;
  readonly ms: number;
  readonly cameras: ReadonlyMap<string, Work>;
}

export interface Work {
  readonly received: number;
  /** Left detection. */
  readonly processed: number;
  readonly inferred: number;
  /** Undefined: this engine cannot tell. */
  readonly inferenceMs: number | undefined;
  readonly objects: number;
}

/** What cameras did, in figures that outlive the process. */
export interface Figures {
  readonly cameras: Readonly<Record<string, CameraFigures>>;
  /** 95th percentile of the time of an inference; undefined: not known. */
  readonly inferenceMs: number | undefined;
}

export interface CameraFigures {
  readonly liveMs: number;
  readonly receivedPerSecond: number;
  /** Frames that left detection. */
  readonly framesPerSecond: number;
  readonly objectsPerMinute: number;
}

export const NEW_METER: Meter = {
  mark: undefined,
  laps: [],
  lost: new Map(),
  objects: new Map(),
};

/** A whole state of the generation that is measured. Laps older than keepMs are forgotten. */
export function measured(meter: Meter, state: State, nowMs: number, keepMs: number): Meter {
  const cameras = new Map(state.cameras.map((camera) => [camera.id, camera]));
  const laps = meter.mark === undefined ? meter.laps : [...meter.laps, lap(meter, cameras, nowMs)];
  return {
    mark: { atMs: nowMs, cameras },
    laps: laps.filter(({ atMs }) => nowMs - atMs < keepMs),
    lost: state.cameras.reduce(withLost, meter.lost),
    objects: new Map(),
  };
}

export function cameraChanged(meter: Meter, camera: CameraStatus): Meter {
  return { ...meter, lost: withLost(meter.lost, camera) };
}

export function objectsSeen(meter: Meter, id: string, count: number): Meter {
  const objects = new Map(meter.objects).set(id, (meter.objects.get(id) ?? 0) + count);
  return { ...meter, objects };
}

/** Counters of another worker, or of another specification, do not go on from these. */
export function interrupted(meter: Meter): Meter {
  return { ...meter, mark: undefined, objects: new Map() };
}

function lap(
  { mark, objects }: Meter,
  cameras: ReadonlyMap<string, CameraStatus>,
  nowMs: number,
): Lap {
  const worked = [...cameras].flatMap(([id, after]): [string, Work][] => {
    const before = mark?.cameras.get(id);
    const work = before && workOf(before, after, objects.get(id) ?? 0);
    return work === undefined ? [] : [[id, work]];
  });
  return { atMs: nowMs, ms: nowMs - (mark?.atMs ?? nowMs), cameras: new Map(worked) };
}

/** Undefined: not live all the time, or counted anew in between. */
function workOf(before: CameraStatus, after: CameraStatus, objects: number): Work | undefined {
  if (before.state.t !== "live" || after.state.t !== "live") return undefined;
  if (before.since?.getTime() !== after.since?.getTime()) return undefined;
  const [a, b] = [before.counters, after.counters];
  const received = b.framesReceived - a.framesReceived;
  const inferred = b.framesInferred - a.framesInferred;
  if (received < 0 || inferred < 0) return undefined;
  const processed = Math.max(0, received - (b.framesDropped - a.framesDropped));
  const seconds = b.inferenceSeconds - a.inferenceSeconds;
  const inferenceMs = seconds > 0 ? seconds * 1000 : undefined;
  return { received, processed, inferred, inferenceMs, objects };
}

export function figuresOf({ laps }: Meter): Figures {
  const ids = new Set(laps.flatMap(({ cameras }) => [...cameras.keys()]));
  return {
    cameras: Object.fromEntries([...ids].map((id) => [id, cameraFigures(laps, id)])),
    inferenceMs: percentile(laps.flatMap(inferenceTimes), 0.95),
  };
}

function cameraFigures(laps: readonly Lap[], id: string): CameraFigures {
  const sum = { ms: 0, received: 0, processed: 0, objects: 0 };
  for (const { ms, cameras } of laps) {
    const work = cameras.get(id);
    if (work === undefined) continue;
    sum.ms += ms;
    sum.received += work.received;
    sum.processed += work.processed;
    sum.objects += work.objects;
  }
  const perSecond = (count: number) => (sum.ms === 0 ? 0 : (count / sum.ms) * 1000);
  return {
    liveMs: sum.ms,
    receivedPerSecond: perSecond(sum.received),
    framesPerSecond: perSecond(sum.processed),
    objectsPerMinute: perSecond(sum.objects) * 60,
  };
}

/** Of every camera, the mean time of its inferences in this lap. */
function inferenceTimes({ cameras }: Lap): number[] {
  return [...cameras.values()].flatMap(({ inferenceMs, inferred }) =>
    inferenceMs === undefined || inferred === 0 ? [] : [inferenceMs / inferred],
  );
}

function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

function withLost(lost: Meter["lost"], { id, state }: CameraStatus): Meter["lost"] {
  return state.t === "lost" ? new Map(lost).set(id, state.reason) : lost;
}
