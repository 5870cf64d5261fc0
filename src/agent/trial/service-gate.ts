/** The first thing that the agent does as a service: it ends at once if its version has failed its trial. */

import { leaveMarker, readMarker } from "./marker.js";
import type { Failure } from "./memory.js";
import { decideAtStart, EXIT_VERSION_FAILED, type Service } from "./service-version.js";
import type { TrialStore } from "./store.js";

export interface GateOptions {
  readonly service: Service;
  readonly store: TrialStore;
  /** Where the marker is, or is to be: see marker.ts. */
  readonly marker: string;
  /** Wall-clock time. */
  readonly nowMs: number;
}

export type Gate =
  | { readonly t: "go" }
  /** The process is to end with this exit status, within a second of its start. */
  | { readonly t: "exit"; readonly code: number; readonly why: string; readonly failure: Failure };

export function serviceTrialGate({ service, store, marker, nowMs }: GateOptions): Gate {
  const marked = readMarker(marker);
  const decision = decideAtStart(service, marked, store.memory, nowMs);
  if (decision.t === "run") return { t: "go" };
  const { failure, memory } = decision;
  if (marked === undefined) {
    // Another agreement of the same failure: it must count, or there would be no end to it.
    if (!store.keep(memory) || !leaveMarker(marker, failure)) return { t: "go" };
  }
  const details = failure.faults.map(({ detail }) => detail).join("; ");
  const why = `version ${failure.version} has failed its trial on this node at ${failure.at}: ${details}`;
  return { t: "exit", code: EXIT_VERSION_FAILED, why, failure };
}

/**
 * Leaves the marker. Returns the exit status with which the process is to end now; undefined: this container's file
 * system cannot be written, so that Horizon would not notice, and the version runs on.
 */
export function failOnPurpose(marker: string, failure: Failure): number | undefined {
  return leaveMarker(marker, failure) ? EXIT_VERSION_FAILED : undefined;
}
