/** Makes a node's report out of what the agent knows. Pure. */

import { compareInstances } from "../../common/hub/instance.js";
import type { Entry } from "../../common/hub/ledger.js";
import {
  LONGEST_TEXT,
  MOST_FAILED,
  MOST_OBJECTS,
  type NodeReport,
  type ReportedObject,
} from "../../common/hub/node-report.js";
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
  /** Undefined: the sidecar does not answer, or has told nothing yet. */
  readonly state: State | undefined;
  /** How the last worker ended, where none answers. */
  readonly ended: PreviousWorker | undefined;
  /** What was decided about each object of the hub. */
  readonly objects: readonly HeldObject[];
  /** What of them, by its name here, is in what the trial is of, and what of them is in use. */
  readonly tried: readonly string[];
  readonly used: readonly string[];
}

export interface HeldObject {
  readonly type: string;
  readonly id: string;
  readonly entry: Entry;
}

/** Everything but the time. redact: takes secrets out of a text. */
export function composeReport(
  facts: NodeFacts,
  redact: (text: string) => string,
): Omit<NodeReport, "at"> {
  const { service, trial, record, state } = facts;
  const said = (text: string) => bounded(redact(text));
  const { settings, model } = parseRevision(activeCandidate(trial)?.revision ?? "");
  const trouble = troubleOf(facts);
  const isTest = trial.t === "self-testing";
  const live = state?.cameras.filter((camera) => camera.state.t === "live").length;
  return {
    format: 1,
    version: service.version,
    trial: trialOf(facts, said),
    failed: record.versionFailures
      .slice(-MOST_FAILED)
      .reverse()
      .map(({ version, at, faults }) => ({ version, at, reason: said(textOf(faults)) })),
    ...(settings === undefined ? {} : { settings }),
    ...(model === undefined ? {} : { model: said(model) }),
    ...(state === undefined || live === undefined || isTest
      ? {}
      : { cameras: { live, all: state.cameras.length } }),
    ...(trouble === undefined ? {} : { reason: said(trouble) }),
    objects: [...facts.objects]
      .sort((a, b) => (isNewer(a.entry, b.entry) ? -1 : 1))
      .slice(0, MOST_OBJECTS)
      .map((object) => objectOf(object, facts, said)),
  };
}

function trialOf(
  { service, trial, record }: NodeFacts,
  said: (text: string) => string,
): NodeReport["trial"] {
  const { version, on } = service;
  if (!on) return { state: "off" };
  if (record.passedVersions.includes(version)) return { state: "passed" };
  const failure = record.versionFailures.findLast((one) => one.version === version);
  if (failure !== undefined) return { state: "failed", reason: said(textOf(failure.faults)) };
  return trial.t === "failed" && trial.comparison.kind === "version"
    ? { state: "failed", reason: said(textOf(trial.faults)) }
    : { state: "on trial" };
}

function objectOf(
  { type, id, entry }: HeldObject,
  { trial, tried, used }: NodeFacts,
  said: (text: string) => string,
): ReportedObject {
  const { instance, outcome } = entry;
  const named = { type, id: bounded(id), instance };
  if (outcome.t === "refused") return { ...named, state: "refused", reason: said(outcome.reason) };
  const { what } = outcome;
  if (tried.includes(what) && !used.includes(what)) {
    return trial.t === "failed"
      ? { ...named, state: "failed", reason: said(textOf(trial.faults)) }
      : { ...named, state: "on trial" };
  }
  if (!used.includes(what)) return { ...named, state: "taken" };
  // In use, and nothing to put in its place.
  if (trial.t === "failed" && trial.fallback === undefined) {
    return { ...named, state: "failed", reason: said(textOf(trial.faults)) };
  }
  const isSure = trial.t === "passed" || trial.t === "failed" || trial.t === "checking";
  return { ...named, state: isSure ? "passed" : "on trial" };
}

/** What is wrong now, the weightiest first. */
function troubleOf({ trial, state, ended }: NodeFacts): string | undefined {
  if (state === undefined && ended !== undefined) return `no worker answers: ${wordsOf(ended)}`;
  if (state?.pipeline.t === "failed") {
    return `pipeline failed: ${state.pipeline.reason}: ${state.pipeline.detail}`;
  }
  if (trial.t === "failed") return textOf(trial.faults);
  const output = state?.outputs.find((one) => one.state.t === "failed");
  if (output?.state.t !== "failed") return undefined;
  return `output failed: ${output.state.reason}: ${output.state.detail}`;
}

function wordsOf({ how, lastLines }: PreviousWorker): string {
  const said = lastLines.at(-1);
  return said === undefined ? how : `${how}: ${said}`;
}

function isNewer(a: Entry, b: Entry): boolean {
  return compareInstances(a.instance, b.instance) > 0;
}

function textOf(faults: readonly Fault[]): string {
  return faults.map(({ code, detail }) => `${code}: ${detail}`).join("; ") || "without a reason";
}

function bounded(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 1)}…`;
}
