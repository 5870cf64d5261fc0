/** The sidecar as the rest of the agent sees it: nothing of gRPC, nothing generated. */

import type { Desired, PipelineSpec } from "../../common/settings/spec.js";
import type { Update } from "./state.js";

/** A way to one sidecar. Every method throws SidecarError, or the signal's reason once that is aborted. */
export interface Sidecar {
  /** The first call: tells what is at the other end. */
  connect(options: CallOptions): Promise<Peer>;
  /** Everything that is wrong with a specification on that machine. Nothing is applied. */
  check(spec: PipelineSpec, options: CallOptions): Promise<readonly Problem[]>;
  /** Asks for a specification. A refusal is an answer, not an error. */
  apply(desired: Desired, options: CallOptions): Promise<Verdict>;
  /** The whole state, then what happens. Leaving the loop ends the call. */
  watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<Update, void, undefined>;
  /** Ends everything that is under way. To be called once, always. */
  close(): void;
}

export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface WatchRequest {
  /** Where an earlier watch of the same instance ended; undefined: from now on. */
  readonly resume: ResumePoint | undefined;
  readonly heartbeatMs: number;
  readonly detections: boolean;
}

export interface ResumePoint {
  readonly instanceId: string;
  readonly sequence: bigint;
}

export interface Peer {
  /** New for every worker process. */
  readonly instanceId: string;
  readonly version: string;
  readonly engine: string;
  /** Empty where there is no known board. */
  readonly board: string;
  /** Empty without DeepStream. */
  readonly deepstream: string;
  /** Empty without a GPU. */
  readonly gpu: string;
  readonly gstreamer: string;
  /** Undefined: the first worker since the sidecar was started. */
  readonly previous: PreviousWorker | undefined;
}

/** How the worker before this one ended. */
export interface PreviousWorker {
  readonly ended: Date | undefined;
  /** One line for a person. */
  readonly how: string;
  /** Its last lines on standard error that were no log lines, oldest first. */
  readonly lastLines: readonly string[];
  /** Deaths in a row, this one included. */
  readonly failures: number;
}

export interface Verdict {
  readonly accepted: boolean;
  /** The generation in force after the call. Empty: none. */
  readonly generation: string;
  readonly problems: readonly Problem[];
  /** Empty for a repeated generation. */
  readonly changes: readonly Change[];
}

export interface Problem {
  readonly severity: "error" | "warning" | "notice";
  /** Stable name for programs. */
  readonly code: string;
  readonly path: string;
  /** One line for a person. Holds no secret. */
  readonly message: string;
}

export interface Change {
  readonly path: string;
  readonly effect: "live" | "rebuild" | "unknown";
}
