/**
 * Decides whether a version of the service exits on purpose, so that Horizon goes back to the version before.
 *
 * Horizon sees no frames, only containers that do not run: it looks every minute, cancels the agreement, and after as
 * many failures as the deployment policy's `retries` says, it starts the next version of the policy. So a version that
 * has failed its trial leaves a marker in its container's own file system and exits, and while the marker is there it
 * exits at every start. A new agreement has a new container, without the marker.
 *
 * The package's policy has `retries` 1: a second agreement with a version that has failed its trial would only be a
 * second minute without video. A failure by chance costs no more than that either: more than `retry_durations` after the
 * version's first agreement, the agreement bot counts from the beginning, and stays with it.
 */

import { recordVersionFailure, type TrialRecord, type VersionFailure } from "./record.js";
import type { TrialStore } from "./store.js";
import type { Trial } from "./trial.js";
import {
  EXIT_VERSION_FAILED,
  isRecent,
  type Marker,
  readMarker,
  writeMarker,
} from "./version-marker.js";

/** Agreements that fail because of one verdict, at most: deployment policies may have this many `retries`. */
export const AGREEMENTS = 2;

export interface Service {
  readonly version: string;
  /** TRIAL=on. */
  readonly on: boolean;
  /** HZN_AGREEMENTID. Undefined: Horizon did not start this process, and would put no other version in its place. */
  readonly agreementId: string | undefined;
}

export type Decision =
  | { readonly t: "run"; readonly why: string }
  /** record: with this failure in it; must be durable before anything is done. */
  | { readonly t: "fail"; readonly failure: VersionFailure; readonly record: TrialRecord };

/** At every start. marker: what an earlier start has left in this container. */
export function decideAtStart(
  service: Service,
  marker: Marker | undefined,
  record: TrialRecord,
  nowMs: number,
): Decision {
  const { version, agreementId } = service;
  if (!service.on) return run("trials are off");
  if (agreementId === undefined) return run("not started by Horizon");
  if (record.passedVersions.includes(version)) return run("this version has passed its trial");
  const failure = recentFailure(record, version, nowMs);
  if (marker?.version === version && isRecent(marker.at, nowMs)) {
    return fail(record, failure ?? { ...marker, agreements: [], faults: [] }, agreementId);
  }
  if (failure === undefined) return run("this version has not failed within the hour");
  return failure.agreements.includes(agreementId) || failure.agreements.length < AGREEMENTS
    ? fail(record, failure, agreementId)
    : run("Horizon has no other version");
}

/** When a trial has ended. durable: the record outlives this container. */
export function decideAfterTrial(
  { version, on, agreementId }: Service,
  trial: Trial,
  record: TrialRecord,
  durable: boolean,
  nowMs: number,
): Decision {
  if (trial.t !== "failed" || trial.comparison.kind !== "version") return run("nothing has failed");
  const { comparison, faults } = trial;
  if (!on) return run("trials are off");
  if (agreementId === undefined) return run("not started by Horizon");
  if (record.passedVersions.includes(version))
    return run("this version has passed its trial before");
  if (comparison.lastGood === undefined && faults.some(({ code }) => code === "refused")) {
    return run("the settings are refused, and have never run on this node");
  }
  if (!durable) return run("the trial record cannot be saved, so it might fail without end");
  if (recentFailure(record, version, nowMs) !== undefined) {
    return run("this version has failed within the hour, and Horizon has not replaced it");
  }
  const at = new Date(nowMs).toISOString();
  return fail(record, { version, at, agreements: [], faults }, agreementId);
}

function run(why: string): Decision {
  return { t: "run", why };
}

function fail(record: TrialRecord, before: VersionFailure, agreementId: string): Decision {
  const agreements = [...new Set([...before.agreements, agreementId])];
  const failure = { ...before, agreements };
  return { t: "fail", failure, record: recordVersionFailure(record, failure) };
}

function recentFailure(record: TrialRecord, version: string, nowMs: number) {
  return record.versionFailures.findLast(
    (one) => one.version === version && isRecent(one.at, nowMs),
  );
}

/**
 * The first thing that the agent does as a service. Returns the exit status for the process to end with, within a second
 * of its start, and why. Undefined: it may run. marker: path of the marker, whether it is there or not.
 */
export function exitAtStart(
  service: Service,
  store: TrialStore,
  marker: string,
  nowMs: number,
): { readonly code: number; readonly why: string } | undefined {
  const left = readMarker(marker);
  const decision = decideAtStart(service, left, store.record, nowMs);
  if (decision.t === "run") return undefined;
  const { failure, record } = decision;
  // One more agreement of the same failure: it must count, or there would be no end to it.
  if (left === undefined && !store.save(record)) return undefined;
  const code = left === undefined ? writeMarker(marker, failure) : EXIT_VERSION_FAILED;
  if (code === undefined) return undefined;
  const details = failure.faults.map(({ detail }) => detail).join("; ");
  const why = `version ${failure.version} has failed its trial on this node at ${failure.at}: ${details}`;
  return { code, why };
}
