/**
 * From boxes to events: observes the cameras' frames and the sidecar's states, and brings what happens to the queue, to those
 * who follow it, and to the sinks. Nothing here can delay the reconciler.
 */

import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { cloudEvent } from "../../common/events/cloud-event.js";
import { eventSocketPath } from "../../common/events/socket.js";
import type { SlipstreamEvent } from "../../common/events/types.js";
import { type Redact, redactDeep } from "../../common/secrets/redact.js";
import type { CameraAnalytics } from "../../common/settings/analytics.js";
import type { RuntimeOptions } from "../../common/settings/desired-state.js";
import {
  DEFAULT_QUEUE,
  type PictureOptions,
  type SinkOptions,
} from "../../common/settings/events.js";
import type { Clock } from "../../common/time/clock.js";
import { type CameraState, interrupt, NEW_CAMERA, observeFrame } from "../analytics/camera.js";
import { shapesOf } from "../analytics/shapes.js";
import { formatState, parseState } from "../analytics/stored-state.js";
import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import type { CameraZones, Sidecar } from "../sidecar/sidecar.js";
import type { Box, FrameDetections } from "../sidecar/state.js";
import type { TrialEvent } from "../trial/runner.js";
import { Followers } from "./followers.js";
import { Forwarder, type ForwarderEvent, isWanted } from "./forwarder.js";
import { type PictureEvent, Pictures } from "./pictures.js";
import { EventQueue, type QueueEvent } from "./queue.js";
import { openSink } from "./sinks/open-sink.js";
import { StateEvents } from "./state-events.js";

export type EventsEvent =
  | QueueEvent
  | ForwarderEvent
  | PictureEvent
  | { readonly t: "cannot be followed"; readonly path: string; readonly err: Error };

export interface EventsOptions {
  /** The agent's own directory. */
  readonly stateDir: string;
  /** The node's name in the Exchange. */
  readonly node: string;
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** Makes a client of the sidecar, for pictures. */
  readonly openSidecar: () => Pick<Sidecar, "takePicture" | "close">;
  /** Takes secrets out of a text that leaves the process. */
  readonly redact: Redact;
  /** Must not throw. */
  readonly onEvent: (event: EventsEvent) => void;
  /** What has happened, as CloudEvents in JSON. Must not throw. */
  readonly onOutgoing?: (texts: readonly string[]) => void;
}

type Options = Pick<RuntimeOptions, "analytics" | "events">;

interface Running {
  readonly options: SinkOptions;
  readonly inventory: unknown;
  readonly forwarder: Forwarder;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** The worker whose objects the cameras' states are about, in the queue. */
const WORKER = "worker";
const CAMERA = "camera ";
/** How much a picture shows around an object, in shares of its size: it may have moved on. */
const AROUND = 0.25;

export class Events {
  readonly #options: EventsOptions;
  readonly #queue: EventQueue;
  readonly #pictures: Pictures;
  readonly #followers: Followers;
  readonly #states = new StateEvents();
  readonly #cameras = new Map<string, CameraState>();
  readonly #running = new Map<string, Running>();
  #worker: string | undefined;
  #analytics: Readonly<Record<string, CameraAnalytics>> = {};
  #sinks: readonly SinkOptions[] = [];
  #pictured: PictureOptions | undefined;
  #isStarted = false;

  constructor(options: EventsOptions) {
    const { stateDir, clock, wallClock, onEvent } = options;
    this.#options = options;
    this.#followers = new Followers(eventSocketPath(stateDir));
    this.#pictures = new Pictures({
      directory: join(stateDir, "events", "pictures"),
      ...{ clock, wallClock, onEvent, open: options.openSidecar },
    });
    this.#queue = new EventQueue(
      {
        directory: join(stateDir, "events", "queue"),
        ...{ clock, wallClock, onEvent },
        onAppend: () => {
          for (const { forwarder } of this.#running.values()) forwarder.notify();
        },
      },
      DEFAULT_QUEUE,
    );
  }

  /** Whether anybody wants to know what is in the frames. */
  get needsDetections(): boolean {
    const isObserved = Object.values(this.#analytics).some(
      ({ zones, lines }) => zones.length + lines.length > 0,
    );
    const wanted = this.#sinks.some(({ filter }) =>
      (filter.types ?? ["object.seen"]).some((type) => /^(?:object|zone|line)\./.test(type)),
    );
    return isObserved || wanted;
  }

  /** Zones and lines with their counts, as the overlay draws them. */
  zones(): readonly CameraZones[] {
    const nowMs = this.#options.wallClock();
    return Object.entries(this.#analytics).flatMap(([cameraId, options]) => {
      const shapes = shapesOf(options, this.#cameras.get(cameraId) ?? NEW_CAMERA, nowMs);
      return shapes.length === 0 ? [] : [{ cameraId, shapes }];
    });
  }

  /** Reads what earlier runs have left. Must be awaited before setOptions(). Never throws because of the disk. */
  async load(): Promise<void> {
    await this.#queue.load();
    this.#worker = this.#queue.states.get(WORKER);
    for (const [name, text] of this.#queue.states) {
      const state = name.startsWith(CAMERA) ? parseState(text) : undefined;
      if (state !== undefined) this.#cameras.set(name.slice(CAMERA.length), state);
    }
    try {
      await this.#followers.listen();
    } catch (reason) {
      const err = reason instanceof Error ? reason : new Error(String(reason));
      const { stateDir, onEvent } = this.#options;
      onEvent({ t: "cannot be followed", path: eventSocketPath(stateDir), err });
    }
  }

  /** Takes zones, lines and sinks. Cameras that are no longer there lose their objects. */
  setOptions({ analytics, events }: Options): void {
    for (const id of this.#cameras.keys()) if (!(id in analytics)) this.#interrupt(id);
    this.#analytics = analytics;
    this.#sinks = events.sinks;
    this.#pictured = events.pictures;
    this.#pictures.setBounds(events.pictures);
    this.#queue.setBounds(events.queue);
    this.#queue.setSinks(events.sinks.map(({ id }) => id));
    if (this.#isStarted) this.#startSinks();
  }

  /** `isTest`: test patterns are shown in place of the cameras. */
  onReconcilerEvent(event: ReconcilerEvent, isTest: boolean): void {
    const { wallClock } = this.#options;
    if (event.t === "connected") this.#onWorker(event.peer.instanceId);
    if (event.t === "update" && !isTest) {
      const { event: update } = event;
      if (update.t === "detections") this.#observe(update.detections);
      if (update.t === "camera") this.#onCamera(update.camera);
      if (update.t === "state") for (const camera of update.state.cameras) this.#onCamera(camera);
    }
    this.#emitStates(this.#states.fromReconciler(event, wallClock()));
  }

  onTrialEvent(event: TrialEvent): void {
    this.#emitStates(this.#states.fromTrial(event, this.#options.wallClock()));
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    this.#isStarted = true;
    this.#startSinks();
    // The queue takes the last acknowledgements of the sinks.
    const queue = new AbortController();
    const saving = this.#queue.run(queue.signal);
    const taking = this.#pictures.run(signal);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#isStarted = false;
    this.#followers.close();
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.all([taking, ...[...this.#running.values()].map(({ ended }) => ended)]);
    queue.abort();
    await saving;
  }

  /** Objects have ids of their own with every worker. */
  #onWorker(instanceId: string): void {
    if (this.#worker === instanceId) return;
    this.#worker = instanceId;
    for (const id of this.#cameras.keys()) this.#interrupt(id);
    this.#queue.append([], { name: WORKER, text: () => instanceId });
  }

  #onCamera({ id, state }: { readonly id: string; readonly state: { readonly t: string } }): void {
    if (state.t === "lost" || state.t === "off") this.#interrupt(id);
  }

  #observe(frame: FrameDetections): void {
    const { cameraId: id, captured } = frame;
    const options = this.#analytics[id];
    if (options === undefined) return;
    const timeMs = captured?.getTime() ?? this.#options.wallClock();
    const before = this.#cameras.get(id) ?? NEW_CAMERA;
    const { state, events } = observeFrame(before, frame, timeMs, options);
    this.#take(id, { state, events: events.map((event) => this.#withPicture(event, frame)) });
  }

  /** The picture comes later, or not at all: no event waits for it. */
  #withPicture(event: SlipstreamEvent, frame: FrameDetections): SlipstreamEvent {
    if (this.#pictured?.types.includes(event.type) !== true) return event;
    const { cameraId, pts } = frame;
    const area =
      this.#pictured.of === "object" && "object" in event.data
        ? areaAround(event.data.object.box, frame)
        : undefined;
    const picture = this.#pictures.take({ cameraId, pts, area });
    if (picture === undefined) return event;
    // Only events whose data may have a picture are in the list.
    return { ...event, data: { ...event.data, picture } } as SlipstreamEvent;
  }

  /** The JPEG of a picture; undefined: there is none, or no longer. */
  picture(id: string): Promise<Uint8Array | undefined> {
    return this.#pictures.read(id);
  }

  #interrupt(id: string): void {
    const before = this.#cameras.get(id);
    const options = this.#analytics[id];
    if (before === undefined || before.tracks.size === 0 || options === undefined) return;
    this.#take(id, interrupt(before, id, options));
  }

  /** The state is written together with its events, so that after a kill neither is ahead of the other. */
  #take(
    id: string,
    { state, events }: { readonly state: CameraState; readonly events: readonly SlipstreamEvent[] },
  ): void {
    this.#cameras.set(id, state);
    if (events.length > 0)
      this.#emit(events, { name: CAMERA + id, text: () => formatState(state) });
  }

  /** Details of failures quote what cameras and servers say. */
  #emitStates(events: readonly SlipstreamEvent[]): void {
    const { redact } = this.#options;
    this.#emit(events.map((event) => redactDeep(event, redact) as SlipstreamEvent));
  }

  #emit(
    events: readonly SlipstreamEvent[],
    state?: { readonly name: string; readonly text: () => string },
  ): void {
    if (events.length === 0) return;
    const all = events.map((event) => {
      const outgoing = cloudEvent(event, this.#options.node);
      return { event: outgoing, text: JSON.stringify(outgoing) };
    });
    const texts = all.map(({ text }) => text);
    this.#followers.send(texts);
    this.#options.onOutgoing?.(texts);
    const wanted = all.filter(({ event }) =>
      this.#sinks.some(({ filter }) => isWanted(event, filter)),
    );
    this.#queue.append(
      wanted.map(({ text }) => text),
      state,
    );
  }

  /** Starts sinks that are new or have changed, and stops the others. */
  #startSinks(): void {
    const inventory = inventoryOf(this.#analytics);
    for (const [id, { options, stop, inventory: announced }] of this.#running) {
      const wanted = this.#sinks.find((one) => one.id === id);
      const isSame =
        isDeepStrictEqual(wanted, options) &&
        (!announcesIn(options) || isDeepStrictEqual(inventory, announced));
      if (isSame) continue;
      stop.abort();
      this.#running.delete(id);
    }
    for (const options of this.#sinks) {
      if (this.#running.has(options.id)) continue;
      this.#running.set(options.id, this.#start(options, inventory));
    }
  }

  #start(options: SinkOptions, inventory: ReturnType<typeof inventoryOf>): Running {
    const { stateDir, node, clock, wallClock, onEvent } = this.#options;
    const { id, filter, maxPerSecond, form, target } = options;
    const stop = new AbortController();
    const directory = join(stateDir, "events");
    const forwarder = new Forwarder({
      ...{
        id,
        filter,
        maxPerSecond,
        form,
        queue: this.#queue,
        clock,
        random: Math.random,
        onEvent,
      },
      sink: openSink(target, { node, inventory, directory, wallClock, form }),
    });
    return { options, inventory, forwarder, stop, ended: forwarder.run(stop.signal) };
  }
}

/** A box of an event and what is around it, in pixels of the frame. */
function areaAround(box: Box, { width, height }: FrameDetections): Box {
  const [across, down] = [box.width * AROUND, box.height * AROUND];
  return {
    left: (box.left - across) * width,
    top: (box.top - down) * height,
    width: (box.width + 2 * across) * width,
    height: (box.height + 2 * down) * height,
  };
}

function inventoryOf(analytics: Readonly<Record<string, CameraAnalytics>>) {
  const cameras = Object.entries(analytics).map(([id, { zones, lines }]) => {
    return { id, zones: zones.map((zone) => zone.id), lines: lines.map((line) => line.id) };
  });
  return { cameras };
}

function announcesIn({ target }: SinkOptions): boolean {
  return target.t === "mqtt" && target.homeAssistant;
}
