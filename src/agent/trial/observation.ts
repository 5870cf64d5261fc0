/**
 * What the sidecar does under the desired generation: whether the pipeline runs, its outputs, and what the cameras do,
 * measured from the counters in one report of the whole state to those in the next. Pure.
 */

import { z } from "zod";
import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import type {
  CameraLostReason,
  CameraStatus,
  OutputStatus,
  SidecarEvent,
  State,
} from "../sidecar/state.js";

/** Everything that moves a trial: an event of the reconciler, or that time has passed. */
export type TrialInput =
  | ReconcilerEvent
  | { readonly t: "time" }
  /** What a person has decided about the candidate. */
  | { readonly t: "confirmed" }
  | { readonly t: "taken back" };

export interface Observation {
  /** The worker that the agent connected to last. */
  readonly instanceId: string | undefined;
  /** The desired generation is active, and its pipeline runs. */
  readonly running: boolean;
  /** As in the last state in which it ran. */
  readonly outputs: readonly OutputStatus[];
  readonly meter: Meter;
}

/** Measures cameras while the pipeline runs. */
export interface Meter {
  /** Where the next sample begins. Undefined: at the next state. */
  readonly previous: Snapshot | undefined;
  readonly samples: readonly Sample[];
  /** Cameras that were lost at any time since measuring began, and why. */
  readonly lost: ReadonlyMap<string, CameraLostReason>;
  /** Objects detected since the previous state, by camera. */
  readonly objects: ReadonlyMap<string, number>;
}

interface Snapshot {
  readonly atMs: number;
  readonly cameras: ReadonlyMap<string, CameraStatus>;
}

/** What the cameras that were live all the time did from one state to the next. */
export interface Sample {
  readonly atMs: number;
  readonly ms: number;
  readonly cameras: ReadonlyMap<string, CameraSample>;
}

interface CameraSample {
  readonly received: number;
  /** Frames that left detection. */
  readonly processed: number;
  readonly inferred: number;
  /** Undefined: this engine cannot tell. */
  readonly inferenceMs: number | undefined;
  readonly objects: number;
}

const cameraFiguresSchema = z.object({
  liveMs: z.number(),
  receivedPerSecond: z.number(),
  /** Frames that left detection. */
  framesPerSecond: z.number(),
  objectsPerMinute: z.number(),
});

/** What cameras did, in figures that outlive the process. */
export const figuresSchema = z
  .object({
    cameras: z.record(z.string(), cameraFiguresSchema),
    /** 95th percentile of the time of an inference. Undefined: not known. */
    inferenceMs: z.number().optional(),
  })
  .transform((figures) => ({ inferenceMs: undefined, ...figures }));

export type Figures = Readonly<z.output<typeof figuresSchema>>;
export type CameraFigures = Readonly<z.output<typeof cameraFiguresSchema>>;

export const NEW_METER: Meter = {
  previous: undefined,
  samples: [],
  lost: new Map(),
  objects: new Map(),
};

export const NOTHING_OBSERVED: Observation = {
  instanceId: undefined,
  running: false,
  outputs: [],
  meter: NEW_METER,
};

/** generation: the desired one; reports on another one do not count. Samples older than keepMs are dropped. */
export function observe(
  observation: Observation,
  input: TrialInput,
  generation: string,
  nowMs: number,
  keepMs: number,
): Observation {
  switch (input.t) {
    case "connected":
      return { ...notRunning(observation), instanceId: input.peer.instanceId };
    case "disconnected":
      return notRunning(observation);
    case "update":
      return observeUpdate(observation, input.event, generation, nowMs, keepMs);
    default:
      return observation;
  }
}

function observeUpdate(
  observation: Observation,
  event: SidecarEvent,
  generation: string,
  nowMs: number,
  keepMs: number,
): Observation {
  const { running, meter } = observation;
  switch (event.t) {
    case "state": {
      const { state } = event;
      if (state.generation !== generation || state.pipeline.t !== "running") {
        return notRunning(observation);
      }
      const { outputs } = state;
      return {
        ...observation,
        running: true,
        outputs,
        meter: measure(meter, state, nowMs, keepMs),
      };
    }
    case "camera":
      return running ? { ...observation, meter: noteLost(meter, event.camera) } : observation;
    case "detections": {
      const { cameraId, detections } = event.detections;
      if (!running) return observation;
      return { ...observation, meter: countObjects(meter, cameraId, detections.length) };
    }
    // The whole state repeats what other events say, with the generation that they are about.
    default:
      return observation;
  }
}

function notRunning(observation: Observation): Observation {
  return { ...observation, running: false, meter: interrupt(observation.meter) };
}

/** state: a whole state in which the pipeline runs. */
export function measure(meter: Meter, state: State, nowMs: number, keepMs: number): Meter {
  const cameras = new Map(state.cameras.map((camera) => [camera.id, camera]));
  const { previous, samples } = meter;
  const all =
    previous === undefined
      ? samples
      : [...samples, sample(previous, meter.objects, cameras, nowMs)];
  return {
    previous: { atMs: nowMs, cameras },
    samples: all.filter(({ atMs }) => nowMs - atMs < keepMs),
    lost: state.cameras.reduce(noteLost, meter).lost,
    objects: new Map(),
  };
}

/** The counters of another worker, or of another specification, do not continue these. */
export function interrupt(meter: Meter): Meter {
  return { ...meter, previous: undefined, objects: new Map() };
}

export function countObjects(meter: Meter, id: string, count: number): Meter {
  const objects = new Map(meter.objects).set(id, (meter.objects.get(id) ?? 0) + count);
  return { ...meter, objects };
}

function noteLost(meter: Meter, { id, state }: CameraStatus): Meter {
  return state.t === "lost" ? { ...meter, lost: new Map(meter.lost).set(id, state.reason) } : meter;
}

function sample(
  previous: Snapshot,
  objects: Meter["objects"],
  cameras: Snapshot["cameras"],
  nowMs: number,
): Sample {
  const sampled = [...cameras].flatMap(([id, after]): [string, CameraSample][] => {
    const before = previous.cameras.get(id);
    const camera = before && sampleCamera(before, after, objects.get(id) ?? 0);
    return camera === undefined ? [] : [[id, camera]];
  });
  return { atMs: nowMs, ms: nowMs - previous.atMs, cameras: new Map(sampled) };
}

/** Undefined: the camera was not live all the time, or its counters began again in between. */
function sampleCamera(
  before: CameraStatus,
  after: CameraStatus,
  objects: number,
): CameraSample | undefined {
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

export function figuresOf({ samples }: Meter): Figures {
  const ids = new Set(samples.flatMap(({ cameras }) => [...cameras.keys()]));
  return {
    cameras: Object.fromEntries([...ids].map((id) => [id, cameraFigures(samples, id)])),
    inferenceMs: percentile(samples.flatMap(inferenceTimes), 0.95),
  };
}

/** Undefined: no camera has been live for long enough to tell. */
export function currentFigures({ meter }: Observation, liveMs: number): Figures | undefined {
  const figures = figuresOf(meter);
  return Object.values(figures.cameras).some((camera) => camera.liveMs >= liveMs)
    ? figures
    : undefined;
}

/** Whether the network has seen a frame of any camera. */
export function hasInferred({ meter }: Observation): boolean {
  return meter.samples.some(({ cameras }) =>
    [...cameras.values()].some(({ inferred }) => inferred > 0),
  );
}

function cameraFigures(samples: readonly Sample[], id: string): CameraFigures {
  const own = samples.flatMap(({ ms, cameras }) => {
    const camera = cameras.get(id);
    return camera === undefined ? [] : [{ ms, ...camera }];
  });
  const sum = (key: "ms" | "received" | "processed" | "objects") =>
    own.reduce((total, sample) => total + sample[key], 0);
  const liveMs = sum("ms");
  const perSecond = (count: number) => (liveMs === 0 ? 0 : (count / liveMs) * 1000);
  return {
    liveMs,
    receivedPerSecond: perSecond(sum("received")),
    framesPerSecond: perSecond(sum("processed")),
    objectsPerMinute: perSecond(sum("objects")) * 60,
  };
}

/** For each camera, the mean time of an inference in this sample. */
function inferenceTimes({ cameras }: Sample): number[] {
  return [...cameras.values()].flatMap(({ inferenceMs, inferred }) =>
    inferenceMs === undefined || inferred === 0 ? [] : [inferenceMs / inferred],
  );
}

function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Names one output's stream, in sets and messages. */
export function outputName({ id, cameraId }: OutputStatus): string {
  return cameraId === "" ? id : `${id}/${cameraId}`;
}
