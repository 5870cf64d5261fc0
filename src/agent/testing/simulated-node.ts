/** A node in memory for the trial's state machine: a test says how cameras and specifications behave, and lets time pass. */

import type { Desired } from "../../common/settings/spec.js";
import { SidecarError } from "../sidecar/calls.js";
import type { Peer, PreviousWorker, Problem } from "../sidecar/sidecar.js";
import type {
  CameraState,
  CameraStatus,
  OutputState,
  OutputStatus,
  PipelineStatus,
  State,
} from "../sidecar/state.js";
import type { Candidate } from "../trial/candidate.js";
import type { TrialInput } from "../trial/observation.js";
import { NEW_RECORD, type TrialRecord } from "../trial/record.js";
import type { Moment, Rules } from "../trial/rules.js";
import {
  candidateOf,
  consider,
  NO_TRIAL,
  step,
  type Trial,
  toApply,
  toCheck,
} from "../trial/trial.js";
import { frameOf } from "./detections.js";

/** What a camera does by itself. */
export interface SimulatedCamera {
  state: CameraState;
  /** Frames per second that it sends. */
  rate: number;
}

/** What happens to the frames under a specification. */
export interface Behaviour {
  /** Share of the frames that cameras send. */
  readonly received: number;
  /** Share of the frames that are received. */
  readonly processed: number;
  readonly inferenceMs: number;
  readonly objectsPerFrame: number;
  readonly pipeline: PipelineStatus;
  readonly output: OutputState;
  /** How long after Apply the worker dies of it. */
  readonly diesAfterMs: number;
  /** What Check and Apply say. */
  readonly problems: readonly Problem[];
}

export const WELL: Behaviour = {
  received: 1,
  processed: 1,
  inferenceMs: 20,
  objectsPerFrame: 1,
  pipeline: { t: "running" },
  output: { t: "serving" },
  diesAfterMs: Infinity,
  problems: [],
};

export const LIVE: CameraState = { t: "live", encoding: "H264", width: 640, height: 360 };
export const LOST: Extract<CameraState, { t: "lost" }> = {
  t: "lost",
  reason: "unreachable",
  detail: "nobody answers",
  nextAttempt: undefined,
};

const HEARTBEAT_MS = 2000;

export class SimulatedNode {
  trial: Trial = NO_TRIAL;
  record: TrialRecord = NEW_RECORD;
  nowMs = 0;
  /** Cameras by address; one that is not here is live and sends 15 frames a second. */
  readonly cameras = new Map<string, SimulatedCamera>();
  /** Every change of the trial's state, as docs/trials.md draws it. */
  readonly transitions = new Set<string>();
  /** Generations in the order in which they were applied. */
  readonly applied: string[] = [];
  /** False: nobody answers. */
  isThere = true;
  /** Why nobody answers: every worker dies at startup, one per heartbeat. */
  diesAtStart = false;
  readonly #rules: Rules;
  readonly #behaviour: (desired: Desired) => Behaviour;
  #active: { desired: Desired; sinceMs: number } | undefined;
  #refused: string | undefined;
  #worker = 0;
  #startupDeaths = 0;
  #isConnected = false;
  #totals = new Map<string, Totals>();

  constructor(rules: Rules, behaviour: (desired: Desired) => Behaviour = () => WELL) {
    this.#rules = rules;
    this.#behaviour = behaviour;
  }

  consider(candidate: Candidate, lastGood?: Candidate): void {
    const before = this.trial;
    this.trial = consider(before, candidate, lastGood, this.record, this.#now());
    const isNew = candidateOf(before)?.revision !== candidateOf(this.trial)?.revision;
    if (isNew) this.transitions.add(`candidate --> ${this.trial.t}`);
  }

  tell(input: TrialInput): void {
    const before = this.trial;
    this.trial = step(before, input, this.#now());
    if (before.t !== this.trial.t) this.transitions.add(`${before.t} --> ${this.trial.t}`);
  }

  #now(): Moment {
    return { ...this.#rules, nowMs: this.nowMs };
  }

  /** The worker is killed, and the keeper starts another. */
  killWorker(): void {
    this.#worker++;
    this.#isConnected = false;
    this.#active = undefined;
    this.#refused = undefined;
    this.#totals.clear();
    this.tell({ t: "disconnected", why: "watch ended", err: undefined });
  }

  /** Lets time pass in heartbeats, at most until the condition holds; true: it does. */
  pass(seconds: number, until: (trial: Trial) => boolean = () => false): boolean {
    const endMs = this.nowMs + seconds * 1000;
    while (this.nowMs < endMs && !until(this.trial)) {
      this.nowMs += HEARTBEAT_MS;
      this.#beat();
    }
    return until(this.trial);
  }

  #beat(): void {
    if (!this.isThere) {
      const err = new SidecarError("UNAVAILABLE", "Connect", "nobody is there");
      if (this.diesAtStart) this.#startupDeaths++;
      const previous = this.diesAtStart ? ended(this.#startupDeaths) : undefined;
      this.tell({ t: "unreachable", err, forMs: HEARTBEAT_MS, previous });
      this.tell({ t: "time" });
      return;
    }
    if (!this.#isConnected) {
      this.#isConnected = true;
      this.tell({ t: "connected", peer: peer(this.#worker) });
    }
    this.#reconcile();
    if (this.#active !== undefined) {
      const { desired, sinceMs } = this.#active;
      if (this.nowMs - sinceMs >= this.#behaviour(desired).diesAfterMs) {
        this.killWorker();
        return;
      }
    }
    this.tell({ t: "update", event: { t: "state", state: this.#state() } });
    this.tell({ t: "time" });
  }

  #reconcile(): void {
    const desired = toApply(this.trial);
    const isNew = desired?.generation !== this.#active?.desired.generation;
    if (desired !== undefined && isNew && desired.generation !== this.#refused) {
      const { generation } = desired;
      const { problems } = this.#behaviour(desired);
      if (problems.length > 0) {
        this.#refused = generation;
        this.tell({ t: "refused", generation, problems });
      } else {
        this.#active = { desired, sinceMs: this.nowMs };
        this.applied.push(generation);
        const result = { accepted: true, generation, problems, changes: [] };
        this.tell({ t: "applied", generation, result });
      }
    }
    const asked = toCheck(this.trial);
    if (asked === undefined) return;
    const { problems } = this.#behaviour(asked);
    this.tell({ t: "checked", generation: asked.generation, problems });
  }

  #state(): State {
    if (this.#active === undefined) {
      return { generation: "", pipeline: { t: "idle" }, cameras: [], outputs: [], processes: [] };
    }
    const { desired } = this.#active;
    const behaviour = this.#behaviour(desired);
    const { generation, spec } = desired;
    const cameras = spec.cameras.map(({ id, uri }) => this.#camera(id, uri, behaviour));
    const outputs = spec.outputs.map(({ id }) => output(id, behaviour.output));
    return { generation, pipeline: behaviour.pipeline, cameras, outputs, processes: [] };
  }

  #camera(id: string, uri: string, behaviour: Behaviour): CameraStatus {
    const { state, rate } = this.cameras.get(uri) ?? { state: LIVE, rate: 15 };
    const key = `${id} ${uri}`;
    const totals = this.#totals.get(key) ?? { received: 0, processed: 0, seconds: 0 };
    this.#totals.set(key, totals);
    if (state.t === "live") {
      const received = (rate * behaviour.received * HEARTBEAT_MS) / 1000;
      totals.received += received;
      totals.processed += received * behaviour.processed;
      totals.seconds += (received * behaviour.processed * behaviour.inferenceMs) / 1000;
      const count = Math.round(received * behaviour.processed * behaviour.objectsPerFrame);
      const labels = Array.from({ length: count }, () => "person");
      const detections = frameOf({ cameraId: id }, labels);
      this.tell({ t: "update", event: { t: "detections", detections } });
    }
    const counters = {
      framesReceived: totals.received,
      framesDropped: totals.received - totals.processed,
      framesInferred: totals.processed,
      inferenceSeconds: totals.seconds,
      inferenceCpuSeconds: 0,
      detectionLatency: undefined,
      frameRate: 0,
      lastFrame: undefined,
    };
    return { id, since: new Date(0), state, counters };
  }
}

interface Totals {
  received: number;
  processed: number;
  seconds: number;
}

function output(id: string, state: OutputState): OutputStatus {
  const counters = { viewers: 0, frames: 0, framesDropped: 0, encodingLatency: undefined };
  return { id, cameraId: "", port: 8554, path: "/ds", state, ...counters };
}

function peer(worker: number): Peer {
  return {
    instanceId: `worker-${worker}`,
    version: "0",
    engine: "cpu",
    board: "",
    deepstream: "",
    gpu: "",
    gstreamer: "1.22.0",
    previous: worker === 0 ? undefined : ended(1),
  };
}

function ended(failures: number): PreviousWorker {
  return { ended: undefined, how: "exited with signal SIGSEGV", lastLines: [], failures };
}
