/** Joins the parts of the page. */

import { cameraTable } from "./cameras.js";
import { byId, element, show } from "./dom.js";
import { EventList } from "./events.js";
import { facts } from "./system.js";
import { followUpdates, type PageState } from "./updates.js";
import { Wall } from "./wall.js";

const readiness = byId("readiness", HTMLElement);
const connection = byId("connection", HTMLElement);
const view = byId("view", HTMLSelectElement);
const table = byId("camera-table", HTMLElement);
const system = byId("facts", HTMLElement);
const wallRoot = byId("wall", HTMLElement);
const wall = new Wall(wallRoot);
const events = new EventList(byId("event-list", HTMLElement));

view.addEventListener("change", () => wall.showCamera(view.value || undefined));
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

followUpdates({ onState, onEvents: (all) => events.add(all), onAway });

function onState(state: PageState, timeMs: number): void {
  const { ready, reasons } = state.readiness;
  const [first] = reasons;
  const why = first === undefined ? "" : `${first.subject}: ${first.reason}`;
  const more = reasons.length > 1 ? `, and ${reasons.length - 1} more` : "";
  show(readiness, ready ? "Frames flow" : `Not ready: ${why}${more}`, ready ? "good" : "bad");
  showViews(state);
  wall.onState(state);
  table.replaceChildren(cameraTable(state.cameras, timeMs));
  system.replaceChildren(...facts(state));
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
