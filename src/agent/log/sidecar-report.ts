/** Logs changes of the sidecar: connection, specification, pipeline, cameras and outputs. One line per change. */

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
import { type Fields, type Log, type LogLine, write } from "./log.js";

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

type Lines = readonly (LogLine | undefined)[];
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
  readonly onEvent = (event: ReconcilerEvent): void => {
    for (const line of this.#linesOf(event)) {
      if (line !== undefined) write(this.#log, line);
    }
  };

  #linesOf(event: ReconcilerEvent): Lines {
    switch (event.t) {
      case "unreachable":
        return this.#unreachable(event);
      case "connected":
        return this.#connected(event);
      case "disconnected":
        return [this.#disconnected(event)];
      case "applied":
        return [this.#answered(), ...this.#applied(event)];
      case "refused":
        return [this.#answered(), ...this.#refused(event)];
      case "checked":
        // The trial that asked for the check logs its result.
        return [];
      case "update":
        return [this.#answered(), ...this.#sidecarEvent(event.event)];
      default:
        return event satisfies never;
    }
  }

  #unreachable({ err, forMs, previous }: EventOf<"unreachable">): Lines {
    const { code: reason, details: detail } = err;
    const lines: LogLine[] = [];
    if (this.#last.get(SIDECAR) === undefined) {
      this.#last.set(SIDECAR, "awaited");
      lines.push(["debug", "waiting for the sidecar", { detail }]);
    }
    if (forMs >= LONG_ABSENCE_MS && this.#last.setFailure(SIDECAR, `absent, ${reason}`)) {
      const worker = previous === undefined ? {} : { previous };
      const seconds = Math.round(forMs / 1000);
      lines.push(["warn", "sidecar does not answer", { seconds, reason, detail, ...worker }]);
    }
    return lines;
  }

  #connected({ peer }: EventOf<"connected">): Lines {
    const { instanceId, previous, ...facts } = peer;
    if (instanceId === this.#instanceId) return [];
    this.#instanceId = instanceId;
    // The cameras and outputs of another instance are all logged again.
    this.#last.clear();
    this.#last.set(SIDECAR, "connected");
    const known = Object.entries(facts).filter(([, value]) => value !== "");
    const lines: LogLine[] = [["info", "sidecar connected", Object.fromEntries(known)]];
    const { version } = peer;
    const agent = this.#version;
    if (version !== agent) {
      const detail =
        "build both images from one commit: a trial judges the versions of both together";
      lines.push(["warn", "sidecar version differs from the agent's", { version, agent, detail }]);
    }
    if (previous !== undefined) lines.push(["warn", "previous worker died", { ...previous }]);
    return lines;
  }

  #disconnected({ why: reason, err }: EventOf<"disconnected">): LogLine | undefined {
    if (!this.#last.setFailure(SIDECAR, `${reason}, ${err?.method} ${err?.code}`)) return undefined;
    return ["warn", "sidecar disconnected", { reason, detail: err?.message }];
  }

  #answered(): LogLine | undefined {
    const wasFailure = this.#last.isFailure(SIDECAR);
    this.#last.set(SIDECAR, "connected");
    return wasFailure ? ["info", "sidecar answers again"] : undefined;
  }

  #applied({ generation, result }: EventOf<"applied">): Lines {
    if (!this.#last.set(SPECIFICATION, generation)) return [];
    const changes = result.changes.map(({ path, effect }) => `${path} ${effect}`);
    const line = ["debug", "specification applied", { generation, changes }] as const;
    return [line, ...result.problems.map(problemLine)];
  }

  #refused({ generation, problems }: EventOf<"refused">): Lines {
    // The same specification is sent again now and then.
    const isNew = this.#last.setFailure(SPECIFICATION, JSON.stringify([generation, problems]));
    return isNew ? problems.map(problemLine) : [];
  }

  #sidecarEvent(event: SidecarEvent): Lines {
    switch (event.t) {
      case "state":
        return this.#state(event.state);
      case "pipeline":
        return [this.#pipeline(event.pipeline)];
      case "camera":
        return [this.#camera(event.camera)];
      case "output":
        return [this.#output(event.output)];
      case "detections":
        return [frameLine(event.detections)];
      case "unknown":
        return [];
      default:
        return event satisfies never;
    }
  }

  #state({ pipeline, cameras, outputs }: State): Lines {
    const subjects = [...cameras.map(cameraSubject), ...outputs.map(outputSubject)];
    this.#last.retain(new Set([SIDECAR, SPECIFICATION, PIPELINE, ...subjects]));
    return [
      this.#pipeline(pipeline),
      ...cameras.map((camera) => this.#camera(camera)),
      ...outputs.map((output) => this.#output(output)),
    ];
  }

  #pipeline(status: PipelineStatus): LogLine | undefined {
    switch (status.t) {
      case "loading": {
        const { phase } = status;
        if (!this.#last.setTransient(PIPELINE, `loading ${phase}`)) return undefined;
        return phase === "engine"
          ? ["info", "building TensorRT engine, which can take minutes"]
          : ["debug", "pipeline loading", { phase }];
      }
      case "running": {
        const wasFailure = this.#last.isFailure(PIPELINE);
        if (!this.#last.set(PIPELINE, "running")) return undefined;
        return [wasFailure ? "info" : "debug", "pipeline running"];
      }
      case "failed":
        // After a refusal there is nothing to run, and the refusal is logged already.
        if (this.#last.isFailure(SPECIFICATION)) return undefined;
        if (!this.#last.setFailure(PIPELINE, status.reason)) return undefined;
        return ["error", "pipeline failed", failureFields(status)];
      case "idle":
      case "unknown":
        return undefined;
      default:
        return status satisfies never;
    }
  }

  #camera(status: CameraStatus): LogLine | undefined {
    const subject = cameraSubject(status);
    const { id: camera, state } = status;
    switch (state.t) {
      case "connecting":
        if (!this.#last.setTransient(subject, "connecting")) return undefined;
        return ["debug", "camera connecting", { camera, attempt: state.attempt }];
      case "live": {
        const { encoding } = state;
        const size = `${state.width}x${state.height}`;
        if (!this.#last.set(subject, `live ${encoding} ${size}`)) return undefined;
        return ["info", "camera live", { camera, encoding, size }];
      }
      case "lost":
        if (!this.#last.setFailure(subject, state.reason)) return undefined;
        return ["warn", "camera lost", { camera, ...failureFields(state) }];
      case "off":
        if (!this.#last.set(subject, "off")) return undefined;
        return ["info", "camera off", { camera, until: state.until }];
      case "unknown":
        return undefined;
      default:
        return state satisfies never;
    }
  }

  #output(status: OutputStatus): LogLine | undefined {
    const subject = outputSubject(status);
    const { state } = status;
    switch (state.t) {
      case "waiting": {
        const wasServing = this.#last.get(subject) === "serving";
        if (!this.#last.setTransient(subject, "waiting") || !wasServing) return undefined;
        // A recording pauses when its cameras are lost, which is logged already.
        return [status.port === 0 ? "info" : "warn", "output stopped", addressOf(status)];
      }
      case "serving":
        if (!this.#last.set(subject, "serving")) return undefined;
        return ["info", "output ready", addressOf(status)];
      case "failed":
        if (!this.#last.setFailure(subject, state.reason)) return undefined;
        return ["error", "output failed", { ...addressOf(status), ...failureFields(state) }];
      case "unknown":
        return undefined;
      default:
        return state satisfies never;
    }
  }
}

function problemLine({ severity, code: reason, path, message: detail }: Problem): LogLine {
  return [LEVELS[severity], MESSAGES[severity], { path, reason, detail }];
}

function frameLine({ cameraId: camera, inferred, detections }: FrameDetections): LogLine {
  const carried = inferred ? undefined : true;
  return [
    "info",
    "frame",
    { camera, counts: countBy(detections.map(({ label }) => label)), carried },
  ];
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
