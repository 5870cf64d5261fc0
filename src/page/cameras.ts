/** The table of the cameras: what state each is in, why, since when, and when it is tried again. */

import type { ApiCamera } from "../common/api/schema.js";
import { element } from "./dom.js";
import { clockTime, number, span } from "./text.js";

const CLASSES = { live: "good", lost: "bad", connecting: "warn", off: "quiet", unknown: "quiet" };
const HEADS = ["Camera", "State", "Since", "Frames a second", "Frames", "Dropped", "Reconnections"];

export function cameraTable(cameras: readonly ApiCamera[], nowMs: number): HTMLElement {
  const heads = HEADS.map((head, index) =>
    element("th", { scope: "col", className: index > 2 ? "number" : "" }, head),
  );
  const rows = cameras.map((camera) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, camera.id),
      element("td", {}, ...stateOf(camera, nowMs)),
      element("td", {}, camera.since === undefined ? "" : span(nowMs - Date.parse(camera.since))),
      ...[
        camera.frameRate.toFixed(1),
        number(camera.framesReceived),
        number(camera.framesDropped),
        number(camera.reconnections),
      ].map((text) => element("td", { className: "number" }, text)),
    ),
  );
  return element(
    "table",
    {},
    element("caption", {}, "State of each camera"),
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows),
  );
}

function stateOf(camera: ApiCamera, nowMs: number): (HTMLElement | string)[] {
  const { state, reason, detail, nextAttempt, until, encoding, width, height } = camera;
  const lines: string[] = [];
  if (encoding !== undefined) lines.push(`${encoding}, ${width}x${height}`);
  if (reason !== undefined) lines.push(`${reason}: ${detail}`);
  if (nextAttempt !== undefined) {
    lines.push(`next attempt in ${span(Math.max(0, Date.parse(nextAttempt) - nowMs))}`);
  } else if (state === "lost") {
    lines.push("it is not tried again by itself");
  }
  if (until !== undefined) lines.push(`until ${clockTime(until)}`);
  const details = lines.map((line) => element("div", { className: "quiet" }, line));
  return [element("span", { className: CLASSES[state] }, state), ...details];
}
