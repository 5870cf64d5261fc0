/** Whether this container's version has failed its trial in this container, by the marker alone. Loads next to nothing. */

import { readVersion } from "../version.js";
import { readMarker } from "./marker.js";
import { EXIT_VERSION_FAILED, isRecent } from "./service-version.js";

/** Undefined: it has not, or so long ago that it is to run; the whole gate decides then (service-gate.ts). */
export function failedHere(
  marker: string,
  nowMs: number,
): { readonly code: number; readonly line: string } | undefined {
  const marked = readMarker(marker);
  if (marked?.version !== readVersion() || !isRecent(marked.at, nowMs)) return undefined;
  const { version, at: failedAt } = marked;
  const line = JSON.stringify({
    timestamp: new Date(nowMs).toISOString(),
    level: "error",
    component: "agent",
    message: "this version is not to run here",
    ...{ version, failedAt },
    detail: "it has failed its trial in this container; the log of its first start says of what",
  });
  return { code: EXIT_VERSION_FAILED, line };
}
