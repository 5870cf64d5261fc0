/** Tells the operator what changed in the pipeline, its cameras and its outputs. */

import type {
  CameraStatus,
  FrameDetections,
  OutputStatus,
  PipelineStatus,
  SidecarEvent,
  State,
  Trouble,
} from "../sidecar/state.js";
import type { Fields } from "./line.js";
import type { Log } from "./log.js";
import { Said } from "./said.js";

const PIPELINE = "pipeline";

export class StatusReport {
  readonly #log: Log;
  readonly #said = new Said();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Another instance has its own cameras and pictures: all of them are news. */
  startAnew(): void {
    this.#said.clear();
  }

  tell(event: SidecarEvent): void {
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
    this.#said.keep(
      new Set([PIPELINE, ...cameras.map(cameraSubject), ...outputs.map(outputSubject)]),
    );
    this.#pipeline(pipeline);
    for (const camera of cameras) this.#camera(camera);
    for (const output of outputs) this.#output(output);
  }

  #pipeline(status: PipelineStatus): void {
    switch (status.t) {
      case "loading": {
        const { phase } = status;
        if (!this.#said.isNewsInPassing(PIPELINE, `loading ${phase}`)) break;
        if (phase === "engine") {
          this.#log.info("building the inference engine, which can take minutes");
        } else {
          this.#log.debug("pipeline loading", { phase });
        }
        break;
      }
      case "running": {
        const wasTrouble = this.#said.isTrouble(PIPELINE);
        if (!this.#said.isNews(PIPELINE, "running")) break;
        this.#log[wasTrouble ? "info" : "debug"]("pipeline running");
        break;
      }
      case "failed":
        if (!this.#said.isNewTrouble(PIPELINE, status.reason)) break;
        this.#log.error("pipeline failed", troubleFields(status));
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
        if (!this.#said.isNewsInPassing(subject, "connecting")) break;
        this.#log.debug("camera connecting", { camera, attempt: state.attempt });
        break;
      case "live": {
        const { encoding } = state;
        const size = `${state.width}x${state.height}`;
        if (!this.#said.isNews(subject, `live ${encoding} ${size}`)) break;
        this.#log.info("camera live", { camera, encoding, size });
        break;
      }
      case "lost":
        if (!this.#said.isNewTrouble(subject, state.reason)) break;
        this.#log.warn("camera lost", { camera, ...troubleFields(state) });
        break;
      case "off":
        if (!this.#said.isNews(subject, "off")) break;
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
        const wasServing = this.#said.last(subject) === "serving";
        if (!this.#said.isNewsInPassing(subject, "waiting")) break;
        // A recording pauses with its cameras, and of them is told already.
        if (wasServing)
          this.#log[status.port === 0 ? "info" : "warn"]("picture stopped", placeOf(status));
        break;
      }
      case "serving":
        if (this.#said.isNews(subject, "serving")) this.#log.info("picture ready", placeOf(status));
        break;
      case "failed":
        if (!this.#said.isNewTrouble(subject, state.reason)) break;
        this.#log.error("output failed", { ...placeOf(status), ...troubleFields(state) });
        break;
      case "unknown":
        break;
      default:
        state satisfies never;
    }
  }

  #frame({ cameraId, inferred, labels }: FrameDetections): void {
    const counts = new Map<string, number>();
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    const carried = inferred ? undefined : true;
    this.#log.info("frame", { camera: cameraId, counts: Object.fromEntries(counts), carried });
  }
}

function cameraSubject({ id }: CameraStatus): string {
  return `camera ${id}`;
}

function outputSubject({ id, cameraId }: OutputStatus): string {
  return `output ${id}/${cameraId}`;
}

/** The address to open, as seen from the node itself; the file as the sidecar names it; or what a window shows. */
function placeOf({ id, cameraId, port, path }: OutputStatus): Fields {
  if (port !== 0) return { url: `rtsp://127.0.0.1:${port}${path}` };
  if (path !== "") return { path };
  return { output: id, camera: cameraId === "" ? undefined : cameraId };
}

function troubleFields({ reason, detail, nextAttempt }: Trouble & { reason: string }): Fields {
  return { reason, detail, nextAttempt: nextAttempt ?? "none" };
}
