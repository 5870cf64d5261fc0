/** Turns what the sidecar says about cameras, outputs and the pipeline into events, one for each change. */

import type { SlipstreamEvent } from "../../common/events/types.js";
import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import type {
  CameraState,
  CameraStatus,
  FailureDetails,
  OutputStatus,
  PipelineStatus,
  SidecarEvent,
} from "../sidecar/state.js";
import type { TrialEvent } from "../trial/runner.js";

const PIPELINE = "pipeline";
const TRIAL = "trial";

export class StateEvents {
  /** What was reported last, by subject. */
  readonly #last = new Map<string, string>();

  fromReconciler(event: ReconcilerEvent, timeMs: number): SlipstreamEvent[] {
    if (event.t === "unreachable") {
      const { details } = event.err;
      return this.#changed(PIPELINE, "unreachable", {
        ...{ type: "pipeline.state", timeMs },
        data: { state: "unreachable", detail: details },
      });
    }
    return event.t === "update" ? this.#fromSidecar(event.event, timeMs) : [];
  }

  fromTrial(event: TrialEvent, timeMs: number): SlipstreamEvent[] {
    if (event.t !== "trial") return [];
    const { trial } = event;
    if (trial.t === "passed" && trial.by === "trial") {
      const data = { result: "passed", reasons: [] } as const;
      const key = `passed ${trial.candidate.revision}`;
      return this.#changed(TRIAL, key, {
        type: "trial.result",
        timeMs,
        data: { ...data, reasons: [] },
      });
    }
    if (trial.t !== "failed" || trial.failedBefore !== undefined) return [];
    const reasons = trial.faults.map(({ detail }) => detail);
    const key = `failed ${trial.comparison.candidate.revision} ${reasons.join()}`;
    const data = { result: "failed", reasons } as const;
    return this.#changed(TRIAL, key, { type: "trial.result", timeMs, data });
  }

  #fromSidecar(event: SidecarEvent, timeMs: number): SlipstreamEvent[] {
    switch (event.t) {
      case "state": {
        const { pipeline, cameras, outputs } = event.state;
        return [
          ...this.#pipeline(pipeline, timeMs),
          ...cameras.flatMap((camera) => this.#camera(camera, timeMs)),
          ...outputs.flatMap((output) => this.#output(output, timeMs)),
        ];
      }
      case "pipeline":
        return this.#pipeline(event.pipeline, timeMs);
      case "camera":
        return this.#camera(event.camera, timeMs);
      case "output":
        return this.#output(event.output, timeMs);
      default:
        return [];
    }
  }

  #pipeline(pipeline: PipelineStatus, timeMs: number): SlipstreamEvent[] {
    const data = { state: pipeline.t, ...failureOf(pipeline) };
    return this.#changed(PIPELINE, keyOf(data), { type: "pipeline.state", timeMs, data });
  }

  #camera({ id: camera, state }: CameraStatus, timeMs: number): SlipstreamEvent[] {
    const data = { camera, state: state.t, ...failureOf(state) };
    return this.#changed(`camera ${camera}`, keyOf(data), { type: "camera.state", timeMs, data });
  }

  #output({ id: output, cameraId, state }: OutputStatus, timeMs: number): SlipstreamEvent[] {
    const camera = cameraId === "" ? {} : { camera: cameraId };
    const data = { output, ...camera, state: state.t, ...failureOf(state) };
    const subject = `output ${output}/${cameraId}`;
    return this.#changed(subject, keyOf(data), { type: "output.state", timeMs, data });
  }

  #changed(subject: string, key: string, event: SlipstreamEvent): SlipstreamEvent[] {
    if (this.#last.get(subject) === key) return [];
    this.#last.set(subject, key);
    return [event];
  }
}

/** The detail of a failure may hold counts and times, which change with every attempt. */
function keyOf({ state, reason }: { readonly state: string; readonly reason?: string }): string {
  return `${state} ${reason ?? ""}`;
}

function failureOf(state: CameraState | OutputStatus["state"] | PipelineStatus) {
  if (state.t !== "lost" && state.t !== "failed") return {};
  const { reason, detail } = state as FailureDetails & { readonly reason: string };
  return { reason, detail };
}
