/** Events on their way out, for tests of sinks. */

import { cloudEvent } from "../../../common/events/cloud-event.js";
import type { SlipstreamEvent } from "../../../common/events/types.js";
import type { Outgoing } from "../sink.js";

const NO_TOTALS = { minute: 0, hour: 0, day: 0, byClass: {} };

export function outgoing(event: SlipstreamEvent): Outgoing {
  const one = cloudEvent(event, "node 1");
  return { event: one, text: JSON.stringify(one) };
}

/** An object that enters the zone `door` of a camera. */
export function entered(track: string, camera = "front"): SlipstreamEvent {
  const box = { left: 0.1, top: 0.2, width: 0.3, height: 0.4 };
  const frame = { width: 1000, height: 1000 };
  const object = { track, class: "person", confidence: 0.9, box, frame, attributes: {} };
  const data = { camera, zone: "door", object, totals: NO_TOTALS };
  return { type: "zone.entered", timeMs: Date.UTC(2026, 10, 30), data };
}

export function occupied(count: number): SlipstreamEvent {
  const data = { camera: "front", zone: "door", count, byClass: { person: count } };
  return { type: "zone.occupancy", timeMs: Date.UTC(2026, 10, 30), data };
}
