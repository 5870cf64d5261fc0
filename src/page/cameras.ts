/** The table of the cameras: what state each is in, why, since when, when it is tried again, and its last hour. */

import type { ApiCamera, ApiHistory } from "../common/api/schema.js";
import { post } from "./actions.js";
import { element, show } from "./dom.js";
import { plot } from "./plots.js";
import { clockTime, number, span } from "./text.js";

const CLASSES = { live: "good", lost: "bad", connecting: "warn", off: "quiet", unknown: "quiet" };
const HEADS = ["Camera", "State", "Frames a second", "Latency (95 %)", "Dropped", "Action"];
const SAMPLES_AN_HOUR = 360;

/** Rows stay while they change, so that nobody's keyboard loses its place. */
interface Row {
  readonly row: HTMLElement;
  readonly state: HTMLElement;
  readonly lines: HTMLElement;
  readonly rate: HTMLElement;
  readonly dropped: HTMLElement;
  readonly latency: HTMLElement;
  readonly plots: readonly [rate: HTMLElement, latency: HTMLElement, dropped: HTMLElement];
}

export class CameraTable {
  readonly #body = element("tbody");
  readonly #rows = new Map<string, Row>();

  constructor(root: HTMLElement) {
    const heads = HEADS.map((head) => element("th", { scope: "col" }, head));
    const caption = element("caption", {}, "State of each camera");
    const head = element("thead", {}, element("tr", {}, ...heads));
    root.append(element("table", {}, caption, head, this.#body));
  }

  onState(cameras: readonly ApiCamera[], nowMs: number): void {
    const ids = new Set(cameras.map(({ id }) => id));
    for (const [id, { row }] of this.#rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const camera of cameras) {
      const row = this.#rows.get(camera.id) ?? this.#add(camera.id);
      const since =
        camera.since === undefined ? "" : ` for ${span(nowMs - Date.parse(camera.since))}`;
      show(row.state, camera.state + since, CLASSES[camera.state]);
      show(row.lines, linesOf(camera, nowMs).join("\n"), "quiet lines");
      show(row.rate, camera.frameRate.toFixed(1));
      show(row.dropped, number(camera.framesDropped));
    }
  }

  onHistory({ cameras }: ApiHistory): void {
    for (const [id, samples] of Object.entries(cameras)) {
      const row = this.#rows.get(id);
      if (row === undefined) continue;
      const latency = samples.map(({ latencyMs }) => latencyMs);
      const latest = latency.at(-1);
      show(row.latency, latest === null || latest === undefined ? "" : `${number(latest)} ms`);
      const frames = samples.map((sample) => sample.frames);
      const dropped = samples.map((sample) => sample.dropped);
      const [first, second, third] = row.plots;
      first.replaceChildren(plot(`Frames a second of ${id}`, frames, SAMPLES_AN_HOUR));
      second.replaceChildren(plot(`Latency of ${id}, ms`, latency, SAMPLES_AN_HOUR));
      third.replaceChildren(plot(`Frames dropped of ${id}`, dropped, SAMPLES_AN_HOUR));
    }
  }

  #add(id: string): Row {
    const cell = () => [element("span"), element("div")] as const;
    const [[rate, ratePlot], [latency, latencyPlot], [dropped, droppedPlot]] = [
      cell(),
      cell(),
      cell(),
    ];
    const [state, lines] = cell();
    const restart = element("button", { type: "button", ariaLabel: `Restart ${id}` }, "Restart");
    const outcome = element("span", { className: "quiet" });
    outcome.setAttribute("role", "status");
    restart.addEventListener("click", () => {
      void post(
        `/api/v1/cameras/${encodeURIComponent(id)}/restart`,
        {},
        restart,
        outcome,
        "restarted",
      );
    });
    const row = element(
      "tr",
      {},
      element("th", { scope: "row" }, id),
      element("td", {}, state, lines),
      element("td", {}, rate, ratePlot),
      element("td", {}, latency, latencyPlot),
      element("td", {}, dropped, droppedPlot),
      element("td", {}, restart, outcome),
    );
    this.#body.append(row);
    const made = {
      ...{ row, state, lines, rate, dropped, latency },
      plots: [ratePlot, latencyPlot, droppedPlot] as const,
    };
    this.#rows.set(id, made);
    return made;
  }
}

function linesOf(camera: ApiCamera, nowMs: number): string[] {
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
  if (camera.reconnections > 0) lines.push(`${camera.reconnections} reconnections`);
  return lines;
}
