/** What a trial judges, and what it compares that with. */

import type { z } from "zod";
import type { Desired } from "../../common/settings/spec.js";
import type { Figures } from "./observation.js";

export interface Candidate {
  /** Names what is judged: settings, model and version of the service. Hours and secrets do not change it. */
  readonly revision: string;
  readonly desired: Desired;
  /** All that is needed to render this candidate again after a restart, without secrets. The trial never looks inside. */
  readonly content: z.JSONType;
}

export interface Comparison {
  /** version: this version of the service, sidecar included, is new on this node. change: settings or a model are. */
  readonly kind: "change" | "version";
  readonly candidate: Candidate;
  /** What is restored if the candidate fails. Undefined: nothing has ever passed on this node. */
  readonly lastGood: Candidate | undefined;
  /** What the cameras did under the last good one. Undefined: not known. */
  readonly baseline: Figures | undefined;
  /** Outputs that failed before the trial: that they still do is not the candidate's fault. */
  readonly failingBefore: ReadonlySet<string>;
  /** This version of the service has failed its trial in this process, and keeps running for want of another one. */
  readonly versionFailed: boolean;
}
