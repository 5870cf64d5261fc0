// Follows what the sidecar says of itself over its contract, for ever, and remembers it with the time.
import { setTimeout as delay } from "node:timers/promises";
import { SidecarClient } from "../../src/agent/sidecar/client.js";
import type {
  CameraStatus,
  OutputStatus,
  SidecarEvent,
  State,
} from "../../src/agent/sidecar/state.js";
import { now } from "./now.js";

const HEARTBEAT_MS = 1000;
const RETRY_MS = 50;

/** Something that was said and is worth remembering. Times are milliseconds of now(). */
export type Note =
  /** A watch has begun: the worker lives. */
  | { readonly t: "met"; readonly atMs: number }
  /** It has ended: the worker is gone, or hung until it was. */
  | { readonly t: "parted"; readonly atMs: number }
  | {
      readonly t: "trouble";
      readonly atMs: number;
      readonly of: "pipeline" | "camera" | "output";
      /** Of the camera, or of the camera that an output shows; empty for all of them. */
      readonly camera: string;
      readonly reason: string;
      readonly detail: string;
    };

export class Status {
  readonly #socketPath: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #state: State | undefined;
  #notes: Note[] = [];

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#running = this.#follow();
  }

  /** The state of now; undefined while no worker says one. */
  get state(): State | undefined {
    return this.#state;
  }

  /** What was noted since they were last cleared, oldest first. */
  get notes(): readonly Note[] {
    return this.#notes;
  }

  clearNotes(): void {
    this.#notes = [];
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const client = new SidecarClient({ socketPath: this.#socketPath, agentVersion: "chaos" });
      const request = { resume: undefined, heartbeatMs: HEARTBEAT_MS, detections: false };
      try {
        for await (const { event } of client.watch(request, signal)) {
          if (this.#state === undefined) this.#notes.push({ t: "met", atMs: now() });
          this.#hear(event);
        }
      } catch {
        // The worker is away: that is what the notes say.
      } finally {
        client.close();
      }
      if (this.#state !== undefined) this.#notes.push({ t: "parted", atMs: now() });
      this.#state = undefined;
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #hear(event: SidecarEvent): void {
    const before = this.#state;
    this.#state = after(before, event);
    if (this.#state !== undefined) this.#notes.push(...troubles(before, this.#state));
  }
}

/** The state after an event. Pure. */
export function after(state: State | undefined, event: SidecarEvent): State | undefined {
  if (event.t === "state") return event.state;
  if (state === undefined) return undefined;
  switch (event.t) {
    case "pipeline":
      return { ...state, pipeline: event.pipeline };
    case "camera":
      return { ...state, cameras: replaced(state.cameras, event.camera, ({ id }) => id) };
    case "output":
      return { ...state, outputs: replaced(state.outputs, event.output, nameOf) };
    default:
      return state;
  }
}

function replaced<T>(all: readonly T[], one: T, name: (item: T) => string): T[] {
  return all.map((item) => (name(item) === name(one) ? one : item));
}

function nameOf({ id, cameraId }: OutputStatus): string {
  return `${id}/${cameraId}`;
}

/** The troubles of a state that the one before it did not have. */
function troubles(before: State | undefined, { pipeline, cameras, outputs }: State): Note[] {
  const atMs = now();
  const notes: Note[] = [];
  const reasonOf = (status: CameraStatus | OutputStatus | undefined) =>
    status !== undefined && "reason" in status.state ? status.state.reason : undefined;
  const former = before?.pipeline;
  if (
    pipeline.t === "failed" &&
    !(former?.t === "failed" && former.reason === pipeline.reason && before !== undefined)
  ) {
    const { reason, detail } = pipeline;
    notes.push({ t: "trouble", atMs, of: "pipeline", camera: "", reason, detail });
  }
  for (const camera of cameras) {
    if (camera.state.t !== "lost") continue;
    if (reasonOf(before?.cameras.find(({ id }) => id === camera.id)) === camera.state.reason)
      continue;
    const { reason, detail } = camera.state;
    notes.push({ t: "trouble", atMs, of: "camera", camera: camera.id, reason, detail });
  }
  for (const output of outputs) {
    if (output.state.t !== "failed") continue;
    const same = before?.outputs.find((other) => nameOf(other) === nameOf(output));
    if (reasonOf(same) === output.state.reason) continue;
    const { reason, detail } = output.state;
    notes.push({ t: "trouble", atMs, of: "output", camera: output.cameraId, reason, detail });
  }
  return notes;
}
