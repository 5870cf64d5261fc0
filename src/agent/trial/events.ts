/** What the guard tells, once, where it is known what it means. */

import type { Failure } from "./memory.js";
import type { Trial } from "./trial.js";

export type TrialEvent =
  /** The trial is in another state, or of another candidate. */
  | { readonly t: "trial"; readonly trial: Trial }
  /** The version of the service has failed its trial. why: it goes on all the same. */
  | { readonly t: "version kept"; readonly version: string; readonly why: string }
  | { readonly t: "version fails"; readonly failure: Failure }
  | StoreEvent;

export type StoreEvent =
  /** The file could not be understood: it was put aside, or even that failed, and everything begins anew. */
  | {
      readonly t: "memory lost";
      readonly path: string;
      readonly aside: string;
      readonly err: Error;
    }
  /** Nothing can be written; told once until it can be again. */
  | {
      readonly t: "memory not kept";
      readonly path: string;
      readonly code: string;
      readonly err: Error;
    }
  | { readonly t: "memory kept again"; readonly path: string };
