/** What the agent knows when somebody asks over HTTP. */

import type { Peer, PreviousWorker } from "../sidecar/sidecar.js";
import type { State } from "../sidecar/state.js";
import type { TrialRecord } from "../trial/record.js";
import type { Trial } from "../trial/trial.js";
import type { TransitionCounts } from "./transition-counts.js";

export interface HttpFacts {
  /** Of the agent. */
  readonly version: string;
  readonly trial: Trial;
  readonly record: TrialRecord;
  /** Undefined: the sidecar does not answer, or has not sent its state yet. */
  readonly state: State | undefined;
  /** The worker that answered last. */
  readonly peer: Peer | undefined;
  /** How the last worker ended, if none answers. */
  readonly ended: PreviousWorker | undefined;
  readonly counts: TransitionCounts;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}
