/** Logs what happens with the sidecar: its connection, specification, pipeline, cameras and outputs. One line per change. */

import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import type { Problem } from "../sidecar/sidecar.js";
import type {
  CameraStatus,
  FailureDetails,
  FrameDetections,
  OutputStatus,
  PipelineStatus,
  SidecarEvent,
  State,
} from "../sidecar/state.js";
import type { Trial } from "../trial/trial.js";
import { LastLogged } from "./last-logged.js";
import type { Fields, Log } from "./log.js";

/** Longer than any start or restart of the sidecar. */
const LONG_ABSENCE_MS = 10_000;

const LEVELS = { error: "error", warning: "warn", notice: "debug" } as const;
const MESSAGES = {
  error: "specification refused",
  warning: "problem in the specification",
  notice: "note on the specification",
} as const;

const SIDECAR = "sidecar";
const SPECIFICATION = "specification";
const PIPELINE = "pipeline";

type EventOf<T extends ReconcilerEvent["t"]> = Extract<ReconcilerEvent, { t: T }>;

export class SidecarReport {
  readonly #log: Log;
  readonly #version: string;
  readonly #last = new LastLogged();
  #instanceId = "";

  /** version: the agent's own, which the sidecar must have too. */
  constructor(log: Log, version: string) {
    this.#log = log;
    this.#version = version;
  }

  /** For the reconciler. */
  readonly trace = (event: ReconcilerEvent): void => {
    switch (event.t) {
      case "unreachable":
        this.#unreachable(event);
        break;
      case "connected":
        this.#connected(event);
        break;
      case "parted":
        this.#disconnected(event);
        break;
      case "applied":
        this.#applied(event);
        break;
      case "refused":
        this.#refused(event);
        break;
      case "checked":
        // Whoever asked for the check reports its result.
        break;
      case "told":
        this.#answered();
        this.#sidecarEvent(event.event);
        break;
      default:
        event satisfies never;
    }
  };

  #unreachable({ err, forMs, previous }: EventOf<"unreachable">): void {
    const { code: reason, details: detail } = err;
    if (this.#last.get(SIDECAR) === undefined) {
      this.#last.set(SIDECAR, "awaited");
      this.#log.debug("waiting for the sidecar", { detail });
    }
    if (forMs < LONG_ABSENCE_MS || !this.#last.setFailure(SIDECAR, `absent, ${reason}`)) return;
    const seconds = Math.round(forMs / 1000);
    this.#log.warn("sidecar does not answer", {
      ...{ seconds, reason, detail },
      ...(previous === undefined ? {} : { previous }),
    });
  }

  #connected({ peer }: EventOf<"connected">): void {
    const { instanceId, previous, ...facts } = peer;
    if (instanceId === this.#instanceId) return;
    this.#instanceId = instanceId;
    // The cameras and outputs of another instance are all logged again.
    this.#last.clear();
    this.#last.set(SIDECAR, "connected");
    const known = Object.entries(facts).filter(([, value]) => value !== "");
    this.#log.info("sidecar connected", Object.fromEntries(known));
    if (peer.version !== this.#version) {
      const detail =
        "build both images from one commit: a trial judges the versions of both together";
      this.#log.warn("sidecar version differs from the agent's", {
        ...{ version: peer.version, agent: this.#version, detail },
      });
    }
    if (previous !== undefined) this.#log.warn("previous worker died", { ...previous });
  }

  #disconnected({ why, err }: EventOf<"parted">): void {
    if (!this.#last.setFailure(SIDECAR, `${why}, ${err?.method} ${err?.code}`)) return;
    this.#log.warn("sidecar disconnected", { reason: why, detail: err?.message });
  }

  #answered(): void {
    const wasFailure = this.#last.isFailure(SIDECAR);
    this.#last.set(SIDECAR, "connected");
    if (wasFailure) this.#log.info("sidecar answers again");
  }

  #applied({ generation, verdict }: EventOf<"applied">): void {
    this.#answered();
    if (!this.#last.set(SPECIFICATION, generation)) return;
    const changes = verdict.changes.map(({ path, effect }) => `${path} ${effect}`);
    this.#log.debug("specification applied", { generation, changes });
    this.#problems(verdict.problems);
  }

  #refused({ generation, problems }: EventOf<"refused">): void {
    this.#answered();
    // The same specification is sent again now and then.
    if (!this.#last.setFailure(SPECIFICATION, JSON.stringify([generation, problems]))) return;
    this.#problems(problems);
  }

  #problems(problems: readonly Problem[]): void {
    for (const { severity, code, path, message: detail } of problems) {
      this.#log[LEVELS[severity]](MESSAGES[severity], { path, reason: code, detail });
    }
  }

  #sidecarEvent(event: SidecarEvent): void {
    switch (event.t) {
      case "state":
        this.#state(event.state);
        break;
      case "pipeline":
        this.#pipeline(event.pipeline);
        break;
      case "camera":
        this.#camera(event.camera);
        break;
      case "output":
        this.#output(event.output);
        break;
      case "detections":
        this.#frame(event.detections);
        break;
      case "unknown":
        break;
      default:
        event satisfies never;
    }
  }

  #state({ pipeline, cameras, outputs }: State): void {
    const subjects = [...cameras.map(cameraSubject), ...outputs.map(outputSubject)];
    const known = new Set([SIDECAR, SPECIFICATION, PIPELINE, ...subjects]);
    this.#last.retain((subject) => known.has(subject));
    this.#pipeline(pipeline);
    for (const camera of cameras) this.#camera(camera);
    for (const output of outputs) this.#output(output);
  }

  #pipeline(status: PipelineStatus): void {
    switch (status.t) {
      case "loading": {
        const { phase } = status;
        if (!this.#last.setTransient(PIPELINE, `loading ${phase}`)) break;
        if (phase === "engine") {
          this.#log.info("building TensorRT engine, which can take minutes");
        } else {
          this.#log.debug("pipeline loading", { phase });
        }
        break;
      }
      case "running": {
        const wasFailure = this.#last.isFailure(PIPELINE);
        if (!this.#last.set(PIPELINE, "running")) break;
        this.#log[wasFailure ? "info" : "debug"]("pipeline running");
        break;
      }
      case "failed":
        // After a refusal there is nothing to run, and the refusal is logged already.
        if (this.#last.isFailure(SPECIFICATION)) break;
        if (!this.#last.setFailure(PIPELINE, status.reason)) break;
        this.#log.error("pipeline failed", failureFields(status));
        break;
      case "idle":
      case "unknown":
        break;
      default:
        status satisfies never;
    }
  }

  #camera(status: CameraStatus): void {
    const subject = cameraSubject(status);
    const { id: camera, state } = status;
    switch (state.t) {
      case "connecting":
        if (!this.#last.setTransient(subject, "connecting")) break;
        this.#log.debug("camera connecting", { camera, attempt: state.attempt });
        break;
      case "live": {
        const { encoding } = state;
        const size = `${state.width}x${state.height}`;
        if (!this.#last.set(subject, `live ${encoding} ${size}`)) break;
        this.#log.info("camera live", { camera, encoding, size });
        break;
      }
      case "lost":
        if (!this.#last.setFailure(subject, state.reason)) break;
        this.#log.warn("camera lost", { camera, ...failureFields(state) });
        break;
      case "off":
        if (!this.#last.set(subject, "off")) break;
        this.#log.info("camera off", { camera, until: state.until });
        break;
      case "unknown":
        break;
      default:
        state satisfies never;
    }
  }

  #output(status: OutputStatus): void {
    const subject = outputSubject(status);
    const { state } = status;
    switch (state.t) {
      case "waiting": {
        const wasServing = this.#last.get(subject) === "serving";
        if (!this.#last.setTransient(subject, "waiting") || !wasServing) break;
        // A recording pauses when its cameras are lost, which is logged already.
        this.#log[status.port === 0 ? "info" : "warn"]("output stopped", addressOf(status));
        break;
      }
      case "serving":
        if (this.#last.set(subject, "serving")) this.#log.info("output ready", addressOf(status));
        break;
      case "failed":
        if (!this.#last.setFailure(subject, state.reason)) break;
        this.#log.error("output failed", { ...addressOf(status), ...failureFields(state) });
        break;
      case "unknown":
        break;
      default:
        state satisfies never;
    }
  }

  #frame({ cameraId, inferred, labels }: FrameDetections): void {
    const carried = inferred ? undefined : true;
    this.#log.info("frame", { camera: cameraId, counts: countBy(labels), carried });
  }
}

/**
 * The state of everything in one line, for the scheduled report. Pure.
 *
 * @param state undefined: the sidecar has not answered yet
 */
export function summary(state: State | undefined, trial: Trial): Fields {
  if (state === undefined) return { sidecar: "not connected yet", trial: trial.t };
  const { pipeline, cameras, outputs } = state;
  const lost = cameras.flatMap(({ id, state }) =>
    state.t === "lost" ? [[id, state.reason] as const] : [],
  );
  return {
    trial: trial.t,
    pipeline: pipeline.t,
    cameras: countBy(cameras.map(({ state }) => state.t)),
    outputs: countBy(outputs.map(({ state }) => state.t)),
    viewers: outputs.reduce((sum, output) => sum + output.viewers, 0),
    lost: Object.fromEntries(lost),
    framesPerSecond: Object.fromEntries(
      cameras.map(({ id, counters }) => [id, Math.round(counters.frameRate * 10) / 10]),
    ),
  };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function cameraSubject({ id }: CameraStatus): string {
  return `camera ${id}`;
}

function outputSubject({ id, cameraId }: OutputStatus): string {
  return `output ${id}/${cameraId}`;
}

/** The address to open on the node itself; the file as the sidecar names it; or the output that a window shows. */
function addressOf({ id, cameraId, port, path }: OutputStatus): Fields {
  if (port !== 0) return { url: `rtsp://127.0.0.1:${port}${path}` };
  if (path !== "") return { path };
  return { output: id, camera: cameraId === "" ? undefined : cameraId };
}

function failureFields({
  reason,
  detail,
  nextAttempt,
}: FailureDetails & { reason: string }): Fields {
  return { reason, detail, nextAttempt: nextAttempt ?? "none" };
}
