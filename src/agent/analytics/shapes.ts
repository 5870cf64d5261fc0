/** Zones and lines as the overlay draws them, with their counts. Pure. */

import type { CameraAnalytics, Line, Zone } from "../../common/settings/analytics.js";
import type { Shape } from "../sidecar/sidecar.js";
import { type CameraState, NEW_LINE, NEW_ZONE } from "./camera.js";
import { totalsOf } from "./counter.js";

/** The shapes of a camera. nowMs: milliseconds since 1970, for the counts of the last day. */
export function shapesOf(
  { zones, lines }: CameraAnalytics,
  state: CameraState,
  nowMs: number,
): readonly Shape[] {
  return [
    ...zones.map((zone) => ({ points: zone.points, text: zoneText(zone, state, nowMs) })),
    ...lines.map((line) => ({ points: [line.from, line.to], text: lineText(line, state, nowMs) })),
  ];
}

/** How many objects are in the zone now, and how many have entered it in a day. */
function zoneText({ id }: Zone, { zones }: CameraState, nowMs: number): string {
  const { occupancy, entered } = zones.get(id) ?? NEW_ZONE;
  const inside = Object.values(occupancy).reduce((total, number) => total + number, 0);
  return `${id}: ${inside} (${totalsOf(entered, nowMs).day} in 24 h)`;
}

function lineText({ id }: Line, { lines }: CameraState, nowMs: number): string {
  const counted = lines.get(id) ?? NEW_LINE;
  const [inward, outward] = [totalsOf(counted.in, nowMs).day, totalsOf(counted.out, nowMs).day];
  return `${id}: ${inward} in, ${outward} out (24 h)`;
}
