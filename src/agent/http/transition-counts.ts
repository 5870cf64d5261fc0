/** Counts what only transitions show: how often each camera was lost and came back, since the agent started. */

import type { CameraState, SidecarEvent } from "../sidecar/state.js";

/** More ids than any specification has: ids that come and go do not let the counts grow. */
const MOST_CAMERAS = 1024;

interface CameraCounts {
  readonly state: CameraState["t"];
  /** Whether it has ever been live. */
  readonly wasLive: boolean;
  readonly reconnections: number;
  /** By reason. */
  readonly losses: Readonly<Record<string, number>>;
}

export interface TransitionCounts {
  /** By camera id. */
  readonly cameras: ReadonlyMap<string, CameraCounts>;
  /** Times that a worker has connected, the first one included. */
  readonly connections: number;
}

export const NO_TRANSITIONS: TransitionCounts = { cameras: new Map(), connections: 0 };

const NEW_CAMERA: CameraCounts = {
  state: "unknown",
  wasLive: false,
  reconnections: 0,
  losses: {},
};

/** The counts after an event of the sidecar. */
export function countEvent(counts: TransitionCounts, event: SidecarEvent): TransitionCounts {
  const statuses =
    event.t === "state" ? event.state.cameras : event.t === "camera" ? [event.camera] : [];
  const changed = statuses.filter(({ id, state }) => counts.cameras.get(id)?.state !== state.t);
  if (changed.length === 0) return counts;
  const cameras = new Map(counts.cameras);
  for (const { id, state } of changed) {
    const before = cameras.get(id) ?? NEW_CAMERA;
    // The newest last, so that the oldest gives way.
    cameras.delete(id);
    cameras.set(id, afterChange(before, state));
  }
  while (cameras.size > MOST_CAMERAS) cameras.delete(cameras.keys().next().value ?? "");
  return { ...counts, cameras };
}

function afterChange(before: CameraCounts, state: CameraState): CameraCounts {
  const { wasLive, reconnections, losses } = before;
  const isLive = state.t === "live";
  return {
    state: state.t,
    wasLive: wasLive || isLive,
    reconnections: reconnections + (isLive && wasLive ? 1 : 0),
    losses:
      state.t === "lost" ? { ...losses, [state.reason]: (losses[state.reason] ?? 0) + 1 } : losses,
  };
}
