/** A connection to one instance, from Connect to the end. Only the reconciler changes it. */

import type { SidecarError } from "../sidecar/calls.js";
import type { Peer, Sidecar } from "../sidecar/sidecar.js";

export interface Session {
  readonly sidecar: Sidecar;
  readonly peer: Peer;
  generation: string | undefined;
  heardMs: number;
  watch: Watch;
}

export type Watch =
  | { readonly t: "none" }
  | { readonly t: "open"; readonly stop: AbortController; readonly ended: Promise<void> }
  | { readonly t: "ended"; readonly err: SidecarError | undefined };
