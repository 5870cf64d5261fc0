/** Composes the node report from what the agent knows. Pure. */

import type { LedgerEntry } from "../../common/hub/ledger.js";
import {
  LONGEST_TEXT,
  MOST_FAILED,
  MOST_OBJECTS,
  type NodeReport,
  type ReportedObject,
} from "../../common/hub/node-report.js";
import { compareInstances } from "../../common/hub/object.js";
import { parseRevision } from "../control/revision.js";
import type { PreviousWorker } from "../sidecar/sidecar.js";
import type { State } from "../sidecar/state.js";
import type { TrialRecord } from "../trial/record.js";
import type { Fault } from "../trial/rules.js";
import type { Service } from "../trial/service-version.js";
import { activeCandidate, type Trial } from "../trial/trial.js";

export interface NodeFacts {
  readonly service: Service;
  readonly trial: Trial;
  readonly record: TrialRecord;
  /** Undefined: the sidecar does not answer, or has not sent its state yet. */
  readonly state: State | undefined;
  /** How the last worker ended, if none answers. */
  readonly ended: PreviousWorker | undefined;
  /** The ledger's entries. */
  readonly objects: readonly HubObject[];
  /** Content ids of what is on trial, and of what is in use. */
  readonly tried: readonly string[];
  readonly used: readonly string[];
}

export interface HubObject {
  readonly type: string;
  readonly id: string;
  readonly entry: LedgerEntry;
}

/** Everything but the time. */
export function composeReport(
  facts: NodeFacts,
  redact: (text: string) => string,
): Omit<NodeReport, "at"> {
  const { service, trial, record, state } = facts;
  const shown = (text: string) => bounded(redact(text));
  const { settings, model } = parseRevision(activeCandidate(trial)?.revision ?? "");
  const problem = worstProblem(facts);
  const isSelfTest = trial.t === "self-testing";
  const live = state?.cameras.filter((camera) => camera.state.t === "live").length;
  return {
    format: 1,
    version: service.version,
    trial: versionTrial(facts, shown),
    failed: record.versionFailures
      .slice(-MOST_FAILED)
      .reverse()
      .map(({ version, at, faults }) => ({ version, at, reason: shown(textOf(faults)) })),
    ...(settings === undefined ? {} : { settings }),
    ...(model === undefined ? {} : { model: shown(model) }),
    ...(state === undefined || live === undefined || isSelfTest
      ? {}
      : { cameras: { live, all: state.cameras.length } }),
    ...(problem === undefined ? {} : { reason: shown(problem) }),
    objects: [...facts.objects]
      .sort((a, b) => compareInstances(b.entry.instance, a.entry.instance))
      .slice(0, MOST_OBJECTS)
      .map((object) => reportedObject(object, facts, shown)),
  };
}

function versionTrial(
  { service, trial, record }: NodeFacts,
  shown: (text: string) => string,
): NodeReport["trial"] {
  const { version, on } = service;
  if (!on) return { state: "off" };
  if (record.passedVersions.includes(version)) return { state: "passed" };
  const failure = record.versionFailures.findLast((one) => one.version === version);
  if (failure !== undefined) return { state: "failed", reason: shown(textOf(failure.faults)) };
  return trial.t === "failed" && trial.comparison.kind === "version"
    ? { state: "failed", reason: shown(textOf(trial.faults)) }
    : { state: "on trial" };
}

function reportedObject(
  { type, id, entry }: HubObject,
  { trial, tried, used }: NodeFacts,
  shown: (text: string) => string,
): ReportedObject {
  const { instance, outcome } = entry;
  const object = { type, id: bounded(id), instance };
  if (outcome.t === "refused") {
    return { ...object, state: "refused", reason: shown(outcome.reason) };
  }
  const { contentId } = outcome;
  const isUsed = used.includes(contentId);
  if (!isUsed && !tried.includes(contentId)) return { ...object, state: "accepted" };
  // A failed candidate that is in use has nothing to roll back to.
  if (trial.t === "failed" && (!isUsed || trial.fallback === undefined)) {
    return { ...object, state: "failed", reason: shown(textOf(trial.faults)) };
  }
  const isProven = trial.t === "passed" || trial.t === "failed" || trial.t === "checking";
  return { ...object, state: isUsed && isProven ? "passed" : "on trial" };
}

function worstProblem({ trial, state, ended }: NodeFacts): string | undefined {
  if (state === undefined && ended !== undefined) {
    const { how, lastLines } = ended;
    return `no worker answers: ${[how, ...lastLines.slice(-1)].join(": ")}`;
  }
  if (state?.pipeline.t === "failed") {
    return `pipeline failed: ${state.pipeline.reason}: ${state.pipeline.detail}`;
  }
  if (trial.t === "failed") return textOf(trial.faults);
  const output = state?.outputs.find((one) => one.state.t === "failed");
  if (output?.state.t !== "failed") return undefined;
  return `output failed: ${output.state.reason}: ${output.state.detail}`;
}

function textOf(faults: readonly Fault[]): string {
  return faults.map(({ code, detail }) => `${code}: ${detail}`).join("; ") || "without a reason";
}

function bounded(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 1)}…`;
}
