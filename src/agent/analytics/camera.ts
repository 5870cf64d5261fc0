/**
 * What happens in the frames of one camera: objects come and go, enter zones and cross lines. Pure: the same frames give the
 * same events, however fast they come, and the order of the detections in a frame does not matter.
 */

import type { EventData, EventType, SlipstreamEvent } from "../../common/events/types.js";
import type { CameraAnalytics, Line, Zone } from "../../common/settings/analytics.js";
import {
  distanceToEdge,
  isInside,
  type Point,
  segmentsMeet,
  signedDistance,
} from "../../common/settings/polygon.js";
import type { Detection, FrameDetections } from "../sidecar/state.js";
import { type Counter, count, NEW_COUNTER, totalsOf } from "./counter.js";
import { follow, type Track } from "./track.js";

export interface CameraState {
  /** When the last frame was captured, in milliseconds since 1970; may jump. */
  readonly timeMs: number;
  /** Time that has passed between frames; never goes back. All durations are measured in it. */
  readonly elapsedMs: number;
  readonly tracks: ReadonlyMap<string, Track>;
  readonly zones: ReadonlyMap<string, ZoneState>;
  readonly lines: ReadonlyMap<string, LineState>;
}

interface ZoneState {
  readonly entered: Counter;
  /** Objects in the zone by class, as reported. */
  readonly occupancy: Readonly<Record<string, number>>;
  readonly isCrowded: boolean;
  /** Since when it is the opposite of isCrowded. Undefined: it is not. */
  readonly changedMs: number | undefined;
}

interface LineState {
  readonly in: Counter;
  readonly out: Counter;
}

export interface Observed {
  readonly state: CameraState;
  readonly events: readonly SlipstreamEvent[];
}

export const NEW_CAMERA: CameraState = {
  timeMs: 0,
  elapsedMs: 0,
  tracks: new Map(),
  zones: new Map(),
  lines: new Map(),
};

export const NEW_ZONE: ZoneState = {
  entered: NEW_COUNTER,
  occupancy: {},
  isCrowded: false,
  changedMs: undefined,
};
export const NEW_LINE: LineState = { in: NEW_COUNTER, out: NEW_COUNTER };

/** A longer pause between two frames counts as this one: the clock was set, or the camera was gone. */
const LONGEST_PAUSE_MS = 60_000;
/** More at once are not followed. */
const MAX_TRACKS = 1000;
const MINUTE_MS = 60_000;

/** The camera's state after a frame, which was captured at a time. */
export function observeFrame(
  before: CameraState,
  frame: FrameDetections,
  timeMs: number,
  options: CameraAnalytics,
): Observed {
  const pauseMs = before.timeMs === 0 ? 0 : timeMs - before.timeMs;
  const elapsedMs = before.elapsedMs + Math.min(LONGEST_PAUSE_MS, Math.max(0, pauseMs));
  const observation = new Observation(before, timeMs, elapsedMs, frame.cameraId, options);
  observation.endMissing(detectionsById(frame), frame);
  observation.reportZones();
  if (Math.floor(timeMs / MINUTE_MS) !== Math.floor(before.timeMs / MINUTE_MS)) {
    observation.reportCounts();
  }
  return observation.result();
}

/** All objects are gone: the camera is lost, or what follows objects has started again. */
export function interrupt(
  before: CameraState,
  cameraId: string,
  options: CameraAnalytics,
): Observed {
  const { timeMs, elapsedMs } = before;
  const observation = new Observation(before, timeMs, elapsedMs, cameraId, options);
  observation.endAll();
  observation.reportZones();
  return observation.result();
}

/** The next state in the making. It lives for one frame. */
class Observation {
  readonly #timeMs: number;
  readonly #elapsedMs: number;
  readonly #camera: string;
  readonly #options: CameraAnalytics;
  readonly #tracks: Map<string, Track>;
  readonly #zones: Map<string, ZoneState>;
  readonly #lines: Map<string, LineState>;
  readonly #events: SlipstreamEvent[] = [];

  constructor(
    { tracks, zones, lines }: CameraState,
    timeMs: number,
    elapsedMs: number,
    camera: string,
    options: CameraAnalytics,
  ) {
    this.#timeMs = timeMs;
    this.#elapsedMs = elapsedMs;
    this.#camera = camera;
    this.#options = options;
    this.#tracks = new Map(tracks);
    // What is not observed any more is forgotten.
    this.#zones = new Map(options.zones.map(({ id }) => [id, zones.get(id) ?? NEW_ZONE]));
    this.#lines = new Map(options.lines.map(({ id }) => [id, lines.get(id) ?? NEW_LINE]));
  }

  result(): Observed {
    return {
      state: {
        timeMs: this.#timeMs,
        elapsedMs: this.#elapsedMs,
        tracks: this.#tracks,
        zones: this.#zones,
        lines: this.#lines,
      },
      events: this.#events,
    };
  }

  /** Follows the objects of a frame, and ends those that have been missing for too long. */
  endMissing(detections: ReadonlyMap<string, Detection>, frame: FrameDetections): void {
    const { goneAfterMs } = this.#options.objects;
    for (const track of this.#tracks.values()) {
      if (detections.has(track.id)) continue;
      if (this.#elapsedMs - track.lastMs > goneAfterMs) this.#end(track);
    }
    for (const [id, detection] of detections) this.#follow(id, detection, frame);
  }

  endAll(): void {
    for (const track of this.#tracks.values()) this.#end(track);
  }

  #follow(id: string, detection: Detection, frame: FrameDetections): void {
    const { objects } = this.#options;
    const before = this.#tracks.get(id);
    if (before === undefined && this.#tracks.size >= MAX_TRACKS) return;
    let track = follow(before, id, detection, frame, objects, this.#elapsedMs);
    if (!track.isSeen && this.#elapsedMs - track.firstMs >= objects.seenAfterMs) {
      track = { ...track, isSeen: true };
      this.#emit("object.seen", { camera: this.#camera, object: objectOf(track) });
    }
    track = this.#followZones(track);
    track = this.#followLines(track);
    this.#tracks.set(id, track);
  }

  #followZones(track: Track): Track {
    const zones = new Map(track.zones);
    for (const id of track.zones.keys()) {
      // Of an object that is in it, a zone may have been removed or changed.
      const zone = this.#options.zones.find((one) => one.id === id);
      if (zone !== undefined && !this.#isOutside(track, zone)) continue;
      zones.delete(id);
      this.#leave(track, id, this.#elapsedMs);
    }
    for (const zone of this.#options.zones) {
      const { id, points, loiteringAfterMs } = zone;
      const stay = zones.get(id);
      const enters = track.isSeen && counts(zone, track) && isInside(track.point, points);
      if (stay === undefined && enters) {
        zones.set(id, { sinceMs: this.#elapsedMs, isReported: false });
        this.#enter(track, id);
      } else if (stay !== undefined && !stay.isReported && loiteringAfterMs !== undefined) {
        const dwell = this.#elapsedMs - stay.sinceMs;
        if (dwell < loiteringAfterMs) continue;
        zones.set(id, { ...stay, isReported: true });
        const data = { camera: this.#camera, zone: id, object: objectOf(track), dwell };
        this.#emit("zone.loitering", data);
      }
    }
    return { ...track, zones };
  }

  /** A box that trembles at the edge stays inside. */
  #isOutside(track: Track, zone: Zone): boolean {
    const { points } = zone;
    if (!counts(zone, track)) return true;
    if (isInside(track.point, points)) return false;
    return distanceToEdge(track.point, points) > this.#options.objects.margin;
  }

  #enter(track: Track, zone: string): void {
    const state = this.#zones.get(zone) ?? NEW_ZONE;
    const entered = count(state.entered, track.class, this.#timeMs);
    this.#zones.set(zone, { ...state, entered });
    const totals = totalsOf(entered, this.#timeMs);
    this.#emit("zone.entered", { camera: this.#camera, zone, object: objectOf(track), totals });
  }

  #leave(track: Track, zone: string, atMs: number): void {
    const dwell = Math.max(0, atMs - (track.zones.get(zone)?.sinceMs ?? atMs));
    this.#emit("zone.left", { camera: this.#camera, zone, object: objectOf(track), dwell });
  }

  #followLines(track: Track): Track {
    const lines = new Map<string, Point>();
    for (const line of this.#options.lines) {
      const { id, from, to } = line;
      const last = track.lines.get(id);
      const distance = signedDistance(track.point, from, to);
      if (Math.abs(distance) <= this.#options.objects.margin) {
        if (last !== undefined) lines.set(id, last);
        continue;
      }
      const isPending = last !== undefined && !track.isSeen;
      // Until it is seen, where it came from is kept: a crossing counts once it is.
      lines.set(id, isPending ? last : track.point);
      if (last === undefined || isPending || !counts(line, track)) continue;
      const hasChanged = Math.sign(signedDistance(last, from, to)) !== Math.sign(distance);
      if (hasChanged && segmentsMeet(last, track.point, from, to)) {
        this.#cross(track, line, distance > 0 ? "in" : "out");
      }
    }
    return { ...track, lines };
  }

  #cross(track: Track, { id: line }: Line, direction: "in" | "out"): void {
    const before = this.#lines.get(line) ?? NEW_LINE;
    const after = { ...before, [direction]: count(before[direction], track.class, this.#timeMs) };
    this.#lines.set(line, after);
    const totals = this.#lineTotals(after);
    const object = objectOf(track);
    this.#emit("line.crossed", { camera: this.#camera, line, direction, object, totals });
  }

  #end(track: Track): void {
    this.#tracks.delete(track.id);
    for (const zone of track.zones.keys()) this.#leave(track, zone, track.lastMs);
    if (!track.isSeen) return;
    const duration = track.lastMs - track.firstMs;
    this.#emit("object.gone", { camera: this.#camera, object: objectOf(track), duration });
  }

  /** Occupancy and overcrowding, once for the whole frame. */
  reportZones(): void {
    for (const zone of this.#options.zones) {
      const { id, crowd } = zone;
      const state = this.#zones.get(id) ?? NEW_ZONE;
      const occupancy = this.#occupancyOf(id);
      const number = sum(occupancy);
      if (!isEqual(occupancy, state.occupancy)) {
        const data = { camera: this.#camera, zone: id, count: number, byClass: occupancy };
        this.#emit("zone.occupancy", data);
      }
      const isOver = crowd !== undefined && number > crowd.limit;
      const changedMs =
        isOver === state.isCrowded ? undefined : (state.changedMs ?? this.#elapsedMs);
      const afterMs = crowd?.afterMs ?? 0;
      const isDue = changedMs !== undefined && this.#elapsedMs - changedMs >= afterMs;
      if (isDue) {
        const limit = crowd?.limit ?? 0;
        const change = isOver ? "began" : "ended";
        const data = {
          camera: this.#camera,
          zone: id,
          state: change,
          count: number,
          limit,
        } as const;
        this.#emit("zone.overcrowding", data);
      }
      this.#zones.set(id, {
        entered: state.entered,
        occupancy,
        isCrowded: isDue ? isOver : state.isCrowded,
        changedMs: isDue ? undefined : changedMs,
      });
    }
  }

  reportCounts(): void {
    const { zones, lines } = this.#options;
    if (zones.length + lines.length === 0) return;
    this.#emit("camera.counts", {
      camera: this.#camera,
      zones: Object.fromEntries(
        zones.map(({ id }) => [
          id,
          totalsOf(this.#zones.get(id)?.entered ?? NEW_COUNTER, this.#timeMs),
        ]),
      ),
      lines: Object.fromEntries(
        lines.map(({ id }) => [id, this.#lineTotals(this.#lines.get(id) ?? NEW_LINE)]),
      ),
    });
  }

  #lineTotals(line: LineState) {
    return { in: totalsOf(line.in, this.#timeMs), out: totalsOf(line.out, this.#timeMs) };
  }

  #occupancyOf(zone: string): Record<string, number> {
    const numbers = new Map<string, number>();
    for (const track of this.#tracks.values()) {
      if (track.zones.has(zone)) numbers.set(track.class, (numbers.get(track.class) ?? 0) + 1);
    }
    return Object.fromEntries([...numbers].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #emit<Type extends EventType>(type: Type, data: EventData[Type]): void {
    // The compiler does not see that type and data belong together.
    this.#events.push({ type, timeMs: this.#timeMs, data } as SlipstreamEvent);
  }
}

/** In the order of their ids. Of two detections with one id, the more certain one counts. */
function detectionsById({ detections, width, height }: FrameDetections): Map<string, Detection> {
  const best = new Map<bigint, Detection>();
  if (width <= 0 || height <= 0) return new Map();
  for (const detection of detections) {
    const { trackId } = detection;
    if (trackId === undefined) continue;
    const other = best.get(trackId);
    if (other === undefined || isBefore(detection, other)) best.set(trackId, detection);
  }
  const sorted = [...best].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(sorted.map(([id, detection]) => [String(id), detection]));
}

function isBefore(one: Detection, other: Detection): boolean {
  if (one.confidence !== other.confidence) return one.confidence > other.confidence;
  return orderOf(one) < orderOf(other);
}

/** Any order, as long as it is always the same. */
function orderOf({ label, box: { left, top, width, height } }: Detection): string {
  return JSON.stringify([label, left, top, width, height]);
}

function counts({ classes }: Zone | Line, track: Track): boolean {
  return classes.length === 0 || classes.includes(track.class);
}

function objectOf(track: Track): EventData["object.seen"]["object"] {
  const { id, confidence, frame, attributes, heading } = track;
  const { left, top, width, height } = track.box;
  const box = { left: short(left), top: short(top), width: short(width), height: short(height) };
  const what = { track: id, class: track.class, confidence: short(confidence) };
  const object = { ...what, box, frame, attributes };
  return heading === undefined ? object : { ...object, heading };
}

/** Four digits are a tenth of a pixel. */
function short(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}

function sum(numbers: Readonly<Record<string, number>>): number {
  return Object.values(numbers).reduce((total, number) => total + number, 0);
}

/** For two objects whose keys are sorted. */
function isEqual(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
