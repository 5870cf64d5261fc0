// Watches the sidecar's state over the contract and records changes with their time.
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

/** A recorded change. Times are milliseconds of now(). */
export type Note =
  /** A watch has started: the worker is alive. */
  | { readonly t: "connected"; readonly atMs: number }
  /** The watch has ended: the worker died, or hung and was killed. */
  | { readonly t: "disconnected"; readonly atMs: number }
  | {
      readonly t: "failure";
      readonly atMs: number;
      readonly of: "pipeline" | "camera" | "output";
      /** The id of the camera, or of the camera that an output shows; empty for all cameras. */
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

  /** The current state; undefined while no worker reports one. */
  get state(): State | undefined {
    return this.#state;
  }

  /** The notes since they were last cleared, oldest first. */
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
          if (this.#state === undefined) this.#notes.push({ t: "connected", atMs: now() });
          this.#onEvent(event);
        }
      } catch {
        // The worker is gone, which the notes record.
      } finally {
        client.close();
      }
      if (this.#state !== undefined) this.#notes.push({ t: "disconnected", atMs: now() });
      this.#state = undefined;
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #onEvent(event: SidecarEvent): void {
    const before = this.#state;
    this.#state = after(before, event);
    if (this.#state !== undefined) this.#notes.push(...failures(before, this.#state));
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

/** The failures of a state that the state before did not have. */
function failures(before: State | undefined, { pipeline, cameras, outputs }: State): Note[] {
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
    notes.push({ t: "failure", atMs, of: "pipeline", camera: "", reason, detail });
  }
  for (const camera of cameras) {
    if (camera.state.t !== "lost") continue;
    if (reasonOf(before?.cameras.find(({ id }) => id === camera.id)) === camera.state.reason)
      continue;
    const { reason, detail } = camera.state;
    notes.push({ t: "failure", atMs, of: "camera", camera: camera.id, reason, detail });
  }
  for (const output of outputs) {
    if (output.state.t !== "failed") continue;
    const same = before?.outputs.find((other) => nameOf(other) === nameOf(output));
    if (reasonOf(same) === output.state.reason) continue;
    const { reason, detail } = output.state;
    notes.push({ t: "failure", atMs, of: "output", camera: output.cameraId, reason, detail });
  }
  return notes;
}
