/** The answers of the API, made from what the agent knows. Pure. */

import type {
  ApiCamera,
  ApiModel,
  ApiOutput,
  ApiState,
  ApiTrials,
} from "../../common/api/schema.js";
import { parseRevision } from "../control/revision.js";
import type {
  CameraStatus,
  FailureDetails,
  OutputStatus,
  PipelineStatus,
} from "../sidecar/state.js";
import { activeCandidate, candidateOf, isOnTrial } from "../trial/trial.js";
import type { HttpFacts } from "./facts.js";
import { readinessOf } from "./readiness.js";

/** Failed revisions in an answer, the newest ones. */
const MOST_FAILED = 10;

export function stateView(facts: HttpFacts): ApiState {
  const { version, nowMs, state, peer, ended } = facts;
  const { instanceId: _, previous, ...known } = peer ?? {};
  const described = Object.entries(known).filter(([, value]) => value !== "");
  const previousWorker = (ended ?? previous)?.how;
  return {
    time: new Date(nowMs).toISOString(),
    version,
    sidecar: {
      connected: state !== undefined,
      ...Object.fromEntries(described),
      ...optional({ previousWorker }),
    },
    pipeline: pipelineView(state?.pipeline ?? { t: "unknown" }),
    readiness: readinessOf(facts),
    cameras: cameraViews(facts),
    outputs: outputViews(facts),
    model: modelView(facts),
    trials: trialsView(facts),
  };
}

export function cameraViews({ state, counts }: HttpFacts): ApiCamera[] {
  return (state?.cameras ?? []).map((status) =>
    cameraView(status, counts.cameras.get(status.id)?.reconnections ?? 0),
  );
}

export function outputViews({ state }: HttpFacts): ApiOutput[] {
  return (state?.outputs ?? []).map(outputView);
}

export function modelView(facts: HttpFacts): ApiModel {
  const { active, candidate, lastGood } = trialsView(facts);
  return optional({
    active: active?.model,
    candidate: isOnTrial(facts.trial) ? candidate?.model : undefined,
    lastGood: lastGood?.model,
  });
}

export function trialsView({ trial, record }: HttpFacts): ApiTrials {
  const { lastGood, failedRevisions, versionFailures, passedVersions } = record;
  const active = activeCandidate(trial);
  const candidate = candidateOf(trial);
  return {
    state: trial.t,
    ...optional({
      active: active && parseRevision(active.revision),
      candidate: candidate && parseRevision(candidate.revision),
      lastGood: lastGood && { ...parseRevision(lastGood.revision), at: lastGood.at },
    }),
    faults: trial.t === "failed" ? [...trial.faults] : [],
    failed: failedRevisions
      .slice(-MOST_FAILED)
      .reverse()
      .map(({ revision, at, faults }) => ({ ...parseRevision(revision), at, faults: [...faults] })),
    passedVersions: [...passedVersions],
    failedVersions: versionFailures
      .slice(-MOST_FAILED)
      .reverse()
      .map(({ version, at, faults }) => ({ version, at, faults: [...faults] })),
  };
}

function pipelineView(status: PipelineStatus): ApiState["pipeline"] {
  switch (status.t) {
    case "loading":
      return { state: "loading", phase: status.phase, ...optional({ progress: status.progress }) };
    case "failed":
      return { state: "failed", ...failureView(status) };
    default:
      return { state: status.t };
  }
}

function cameraView({ id, since, state, counters }: CameraStatus, reconnections: number) {
  const { frameRate, framesReceived, framesDropped, framesInferred, lastFrame } = counters;
  return {
    id,
    state: state.t,
    ...optional({ since: iso(since), lastFrame: iso(lastFrame) }),
    ...(state.t === "live"
      ? { encoding: state.encoding, width: state.width, height: state.height }
      : {}),
    ...(state.t === "lost" ? failureView(state) : {}),
    ...(state.t === "off" ? optional({ until: iso(state.until) }) : {}),
    frameRate: Math.round(frameRate * 10) / 10,
    ...{ framesReceived, framesDropped, framesInferred, reconnections },
  } satisfies ApiCamera;
}

function outputView(status: OutputStatus): ApiOutput {
  const { id, cameraId, state, port, path, viewers, frames, framesDropped } = status;
  return {
    id,
    ...optional({
      camera: cameraId || undefined,
      port: port || undefined,
      path: path || undefined,
    }),
    state: state.t,
    ...(state.t === "failed" ? failureView(state) : {}),
    ...{ viewers, frames, framesDropped },
  };
}

function failureView(failed: FailureDetails & { readonly reason: string }) {
  const { reason, detail, nextAttempt } = failed;
  return { reason, detail, ...optional({ nextAttempt: iso(nextAttempt) }) };
}

function iso(time: Date | undefined): string | undefined {
  return time?.toISOString();
}

/** Without the fields that are undefined: an answer has a value, or no field. */
function optional<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { [K in keyof T]?: NonNullable<T[K]> };
}
