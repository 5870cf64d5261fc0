/**
 * Decides whether a version of the service fails on purpose, so that Horizon goes back to the version before. Pure.
 *
 * Horizon sees no frames, only containers that do not run: it looks every minute, cancels the agreement, and after as
 * many failures as the deployment policy's `retries` says, it starts the next version of the policy. So a version that
 * has not passed its trial leaves a marker in its container's own file system and exits, and while the marker is there
 * it exits at every start. A new agreement has a new container, without the marker.
 *
 * The package's policy has `retries` 1: a second agreement with a version that has failed its trial would only be a
 * second minute without a picture. A failure by chance costs no more than that either: more than `retry_durations` after
 * the version's first agreement, the agreement bot counts from the beginning, and stays with it.
 */

import type { Marker } from "./marker.js";
import { type Failure, failedOnPurpose, type Memory } from "./memory.js";
import type { Trial } from "./trial.js";

/** Exit status of a version that fails on purpose: EX_SOFTWARE of sysexits.h. */
export const EXIT_VERSION_FAILED = 70;

/** Agreements that fail because of one verdict, at most: deployment policies may have this many `retries`. */
export const AGREEMENTS = 2;

/** A version has at most one verdict in so long a time that makes it fail. */
export const FAILURE_SPAN_MS = 3_600_000;

/** What is known of the service, besides its trials. */
export interface Service {
  readonly version: string;
  /** TRIAL=on. */
  readonly on: boolean;
  /** HZN_AGREEMENTID. Undefined: Horizon did not start this process, and nobody would put another version in its place. */
  readonly agreementId: string | undefined;
}

export type Decision =
  | { readonly t: "run"; readonly why: string }
  /** memory: with this failure in it; it must be durable before anything is done. */
  | { readonly t: "fail"; readonly failure: Failure; readonly memory: Memory };

/** At every start. marker: what this container has been left by an earlier start; undefined: nothing. */
export function decideAtStart(
  { version, on, agreementId }: Service,
  marker: Marker | undefined,
  memory: Memory,
  nowMs: number,
): Decision {
  if (!on) return run("trials are off");
  if (agreementId === undefined) return run("not started by Horizon");
  if (memory.confirmed.includes(version)) return run("this version has passed its trial");
  const failure = recentFailure(memory, version, nowMs);
  if (marker?.version === version && isRecent(marker.at, nowMs)) {
    const known = failure ?? { ...marker, agreements: [], faults: [] };
    return fail(memory, known, agreementId);
  }
  if (failure === undefined) return run("this version has not failed within the hour");
  return failure.agreements.includes(agreementId) || failure.agreements.length < AGREEMENTS
    ? fail(memory, failure, agreementId)
    : run("Horizon has no other version");
}

/** When the trial of this version has ended. durable: what is remembered outlives this container. */
export function decideAfterTrial(
  { version, on, agreementId }: Service,
  trial: Trial,
  memory: Memory,
  durable: boolean,
  nowMs: number,
): Decision {
  if (trial.t !== "refused" || trial.case.kind !== "service") return run("nothing has failed");
  const { faults } = trial;
  if (!on) return run("trials are off");
  if (agreementId === undefined) return run("not started by Horizon");
  if (memory.confirmed.includes(version)) return run("this version has passed its trial before");
  if (trial.case.lastGood === undefined && faults.some(({ code }) => code === "refused")) {
    return run("the settings are refused, and have never run on this node");
  }
  if (!durable) return run("nothing can be remembered here, so that it might fail without end");
  if (recentFailure(memory, version, nowMs) !== undefined) {
    return run("this version has failed within the hour, and is still here");
  }
  const at = new Date(nowMs).toISOString();
  return fail(memory, { version, at, agreements: [], faults }, agreementId);
}

function run(why: string): Decision {
  return { t: "run", why };
}

function fail(memory: Memory, before: Failure, agreementId: string): Decision {
  const agreements = before.agreements.includes(agreementId)
    ? before.agreements
    : [...before.agreements, agreementId];
  const failure = { ...before, agreements };
  return { t: "fail", failure, memory: failedOnPurpose(memory, failure) };
}

function recentFailure(memory: Memory, version: string, nowMs: number): Failure | undefined {
  return memory.failures.findLast((one) => one.version === version && isRecent(one.at, nowMs));
}

/**
 * Horizon looks every minute: where it has done nothing for an hour, it will not, and a picture is better than none. A
 * time in the future was noted by a clock that was wrong; near or far, the distance counts.
 */
export function isRecent(at: string, nowMs: number): boolean {
  return Math.abs(nowMs - Date.parse(at)) < FAILURE_SPAN_MS;
}
