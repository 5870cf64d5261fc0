/** Joins the parts of the page. */

import type { ApiHistory } from "../common/api/schema.js";
import { post } from "./actions.js";
import { offerCameraTest } from "./camera-test.js";
import { CameraTable } from "./cameras.js";
import { byId, element, show } from "./dom.js";
import { Editor } from "./editor.js";
import { EventList } from "./events.js";
import { facts } from "./system.js";
import { followUpdates, type PageState } from "./updates.js";
import { Wall } from "./wall.js";

/** As often as the agent has another sample. */
const HISTORY_MS = 10_000;

const readiness = byId("readiness", HTMLElement);
const connection = byId("connection", HTMLElement);
const view = byId("view", HTMLSelectElement);
const table = new CameraTable(byId("camera-table", HTMLElement));
const trial = byId("trial", HTMLElement);
const system = byId("facts", HTMLElement);
const wallRoot = byId("wall", HTMLElement);
const wall = new Wall(wallRoot);
const editor = new Editor();
const events = new EventList(byId("event-list", HTMLElement));

view.addEventListener("change", () => {
  wall.showCamera(view.value || undefined);
  editor.onShown(wall.single);
});
byId("draw", HTMLButtonElement).addEventListener("click", () => editor.onShown(wall.single));
byId("fullscreen", HTMLButtonElement).addEventListener("click", () => {
  void wallRoot.requestFullscreen();
});
byId("snapshot", HTMLButtonElement).addEventListener("click", () => {
  const { stream } = wall;
  if (stream === undefined) return;
  const { output, camera } = stream;
  const query = new URLSearchParams({ output, ...(camera === undefined ? {} : { camera }) });
  const link = element("a", {
    href: `/api/v1/snapshot?${query}`,
    download: `${camera ?? output}.jpg`,
  });
  link.click();
});

for (const id of ["confirm", "take-back"]) {
  const button = byId(id, HTMLButtonElement);
  const outcome = byId("trial-outcome", HTMLElement);
  button.addEventListener("click", () => {
    void post(`/api/v1/trials/${id}`, {}, button, outcome, "done");
  });
}
// A keyboard scrolls what it can reach.
for (const id of ["camera-table", "event-list"]) byId(id, HTMLElement).tabIndex = 0;
offerCameraTest();
followUpdates({ onState, onEvents: (all) => events.add(all), onAway });

function onState(state: PageState, timeMs: number): void {
  const { ready, reasons } = state.readiness;
  const [first] = reasons;
  const why = first === undefined ? "" : `${first.subject}: ${first.reason}`;
  const more = reasons.length > 1 ? `, and ${reasons.length - 1} more` : "";
  show(readiness, ready ? "Frames flow" : `Not ready: ${why}${more}`, ready ? "good" : "bad");
  showViews(state);
  wall.onState(state);
  editor.onShown(wall.single);
  table.onState(state.cameras, timeMs);
  trial.hidden = !["checking", "self-testing", "watching"].includes(state.trials.state);
  system.replaceChildren(...facts(state));
}

void plotHistory();

async function plotHistory(): Promise<void> {
  try {
    const response = await fetch("/api/v1/history");
    if (response.ok) table.onHistory((await response.json()) as ApiHistory);
  } catch {
    // The agent is away, as the updates say.
  }
  setTimeout(() => void plotHistory(), HISTORY_MS);
}

function onAway(why: string | undefined): void {
  const text = why === undefined ? "Connected" : `The agent is away: ${why}. Trying again.`;
  show(connection, text, why === undefined ? "quiet" : "bad");
}

/** Offers all cameras and each of them. */
function showViews({ cameras }: PageState): void {
  const wanted = ["", ...cameras.map(({ id }) => id)];
  const current = [...view.options].map(({ value }) => value);
  if (wanted.join() === current.join()) return;
  const chosen = view.value;
  view.replaceChildren(
    ...wanted.map((value) => element("option", { value }, value === "" ? "All cameras" : value)),
  );
  view.value = wanted.includes(chosen) ? chosen : "";
  wall.showCamera(view.value || undefined);
}
