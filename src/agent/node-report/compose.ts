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
import { readSubject } from "../control/subject.js";
import type { PreviousWorker } from "../sidecar/sidecar.js";
import type { State } from "../sidecar/state.js";
import type { Fault } from "../trial/fault.js";
import type { Memory } from "../trial/memory.js";
import type { Service } from "../trial/service-version.js";
import type { Trial } from "../trial/trial.js";

export interface NodeFacts {
  readonly service: Service;
  readonly trial: Trial;
  readonly memory: Memory;
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
  const { service, trial, memory, state } = facts;
  const shown = (text: string) => bounded(redact(text));
  const { settings, model } = readSubject(subjectInUse(trial));
  const problem = worstProblem(facts);
  const isSelfTest = trial.t === "self-testing";
  const live = state?.cameras.filter((camera) => camera.state.t === "live").length;
  return {
    format: 1,
    version: service.version,
    trial: versionTrial(facts, shown),
    failed: memory.failures
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
  { service, trial, memory }: NodeFacts,
  shown: (text: string) => string,
): NodeReport["trial"] {
  const { version, on } = service;
  if (!on) return { state: "off" };
  if (memory.confirmed.includes(version)) return { state: "passed" };
  const failure = memory.failures.findLast((one) => one.version === version);
  if (failure !== undefined) return { state: "failed", reason: shown(textOf(failure.faults)) };
  return trial.t === "refused" && trial.case.kind === "service"
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
  if (trial.t === "refused" && (!isUsed || trial.instead === undefined)) {
    return { ...object, state: "failed", reason: shown(textOf(trial.faults)) };
  }
  const isProven = trial.t === "confirmed" || trial.t === "refused" || trial.t === "checking";
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
  if (trial.t === "refused") return textOf(trial.faults);
  const output = state?.outputs.find((one) => one.state.t === "failed");
  if (output?.state.t !== "failed") return undefined;
  return `output failed: ${output.state.reason}: ${output.state.detail}`;
}

/** Empty: nothing is in use. */
function subjectInUse(trial: Trial): string {
  switch (trial.t) {
    case "none":
      return "";
    case "confirmed":
      return trial.candidate.subject;
    case "checking":
      return (trial.case.lastGood ?? trial.case.candidate).subject;
    case "self-testing":
    case "watching":
      return trial.case.candidate.subject;
    case "refused":
      return (trial.instead ?? trial.case.candidate).subject;
    default:
      return trial satisfies never;
  }
}

function textOf(faults: readonly Fault[]): string {
  return faults.map(({ code, detail }) => `${code}: ${detail}`).join("; ") || "without a reason";
}

function bounded(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 1)}…`;
}
