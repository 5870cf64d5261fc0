/** What the sidecar has told of the specification that is wanted. Pure. */

import type { ReconcilerEvent } from "../reconcile/reconciler.js";
import type { OutputStatus, SidecarEvent } from "../sidecar/state.js";
import {
  cameraChanged,
  interrupted,
  type Meter,
  measured,
  NEW_METER,
  objectsSeen,
} from "./meter.js";

/** Everything that a trial hears: what the reconciler tells, and that time has passed. */
export type Fact = ReconcilerEvent | { readonly t: "time" };

export interface Seen {
  /** The worker that was met last. */
  readonly instanceId: string | undefined;
  /** What is wanted is in force, and runs. */
  readonly up: boolean;
  /** Of the last whole state in which it was up. */
  readonly outputs: readonly OutputStatus[];
  /** Measures while it is up. */
  readonly meter: Meter;
}

export const NOTHING_SEEN: Seen = {
  instanceId: undefined,
  up: false,
  outputs: [],
  meter: NEW_METER,
};

/** generation: what is wanted. What is told of another one does not count. */
export function see(
  seen: Seen,
  fact: Fact,
  generation: string,
  nowMs: number,
  keepMs: number,
): Seen {
  switch (fact.t) {
    case "connected":
      return { ...down(seen), instanceId: fact.peer.instanceId };
    case "parted":
      return down(seen);
    case "told":
      return told(seen, fact.event, generation, nowMs, keepMs);
    case "applied":
    case "refused":
    case "checked":
    case "unreachable":
    case "time":
      return seen;
    default:
      return fact satisfies never;
  }
}

function told(
  seen: Seen,
  event: SidecarEvent,
  generation: string,
  nowMs: number,
  keepMs: number,
): Seen {
  switch (event.t) {
    case "state": {
      const { state } = event;
      if (state.generation !== generation || state.pipeline.t !== "running") return down(seen);
      const meter = measured(seen.meter, state, nowMs, keepMs);
      return { ...seen, up: true, outputs: state.outputs, meter };
    }
    case "camera":
      return seen.up ? { ...seen, meter: cameraChanged(seen.meter, event.camera) } : seen;
    case "detections": {
      const { cameraId, labels } = event.detections;
      return seen.up ? { ...seen, meter: objectsSeen(seen.meter, cameraId, labels.length) } : seen;
    }
    // Whole states say the same, and of which specification.
    case "pipeline":
    case "output":
    case "unknown":
      return seen;
    default:
      return event satisfies never;
  }
}

function down(seen: Seen): Seen {
  return { ...seen, up: false, meter: interrupted(seen.meter) };
}

/** Of one picture, in sets and in words. */
export function outputName({ id, cameraId }: OutputStatus): string {
  return cameraId === "" ? id : `${id}/${cameraId}`;
}
