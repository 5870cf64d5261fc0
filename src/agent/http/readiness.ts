/** Whether frames flow, and if not, why. Pure. */

import type { Readiness } from "../../common/api/schema.js";
import type { CameraStatus, OutputStatus, State } from "../sidecar/state.js";
import type { HttpFacts } from "./facts.js";

interface Reason {
  readonly subject: string;
  readonly reason: string;
}

/** Ready: each camera that is not off is live, and each output of the specification sends what it should. */
export function readinessOf(facts: Pick<HttpFacts, "state" | "ended" | "trial">): Readiness {
  const reasons = reasonsOf(facts);
  return { ready: reasons.length === 0, reasons };
}

function reasonsOf({ state, ended, trial }: Pick<HttpFacts, "state" | "ended" | "trial">) {
  if (state === undefined) {
    const how = ended === undefined ? "" : `; the last one ${ended.how}`;
    return [{ subject: "sidecar", reason: `no worker answers${how}` }];
  }
  if (trial.t === "self-testing") {
    const reason = "a self-test shows test patterns in place of the cameras";
    return [{ subject: "trial", reason }];
  }
  if (state.generation === "") {
    return [{ subject: "settings", reason: "nothing is applied; the agent's log says why" }];
  }
  return [...pipelineReasons(state), ...cameraReasons(state), ...outputReasons(state)];
}

function pipelineReasons({ pipeline }: State): Reason[] {
  const subject = "pipeline";
  switch (pipeline.t) {
    case "running":
      return [];
    case "loading":
      return [{ subject, reason: `loading: ${pipeline.phase}` }];
    case "failed":
      return [{ subject, reason: `${pipeline.reason}: ${pipeline.detail}` }];
    default:
      return [{ subject, reason: pipeline.t }];
  }
}

function cameraReasons({ cameras }: State): Reason[] {
  return cameras.flatMap((camera) => {
    const reason = whyNotLive(camera);
    return reason === undefined ? [] : [{ subject: `camera ${camera.id}`, reason }];
  });
}

function whyNotLive({ state, counters }: CameraStatus): string | undefined {
  switch (state.t) {
    case "live":
      return counters.lastFrame === undefined ? "live, and no frame has left detection" : undefined;
    case "off":
      return undefined;
    case "lost":
      return `lost: ${state.reason}: ${state.detail}`;
    default:
      return state.t;
  }
}

/** An output without a camera that is live has nothing to send, which the camera's own reason says. */
function outputReasons({ cameras, outputs }: State): Reason[] {
  const live = new Set(cameras.flatMap(({ id, state }) => (state.t === "live" ? [id] : [])));
  const isFed = ({ cameraId }: OutputStatus) =>
    cameraId === "" ? live.size > 0 : live.has(cameraId);
  return outputs.filter(isFed).flatMap(({ id, cameraId, state }) => {
    const subject = `output ${cameraId === "" ? id : `${id}/${cameraId}`}`;
    if (state.t === "serving") return [];
    const reason = state.t === "failed" ? `${state.reason}: ${state.detail}` : state.t;
    return [{ subject, reason }];
  });
}
