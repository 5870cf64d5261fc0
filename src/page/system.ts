/** What runs: pipeline, versions, model, settings, the trial, and who is watching. */

import { element } from "./dom.js";
import { clockTime } from "./text.js";
import type { PageState } from "./updates.js";

type Fact = readonly [name: string, ...lines: (HTMLElement | string | undefined)[]];

const TRIAL_TEXTS: Readonly<Record<PageState["trials"]["state"], string>> = {
  none: "nothing was tried yet",
  checking: "the sidecar checks the candidate",
  "self-testing": "test patterns run through the candidate",
  watching: "the candidate runs with the cameras and is watched",
  passed: "passed",
  failed: "failed",
};

export function facts(state: PageState): HTMLElement[] {
  return factsOf(state).flatMap(([name, ...lines]) => {
    const shown = lines.filter((line) => line !== undefined && line !== "");
    if (shown.length === 0) return [];
    const items = shown.map((line) => element("div", {}, line ?? ""));
    return [element("dt", {}, name), element("dd", {}, ...items)];
  });
}

function factsOf(state: PageState): Fact[] {
  const { version, sidecar, model, trials, outputs, page } = state;
  const { active, candidate, lastGood, faults, failed } = trials;
  const isOnTrial = ["checking", "self-testing", "watching"].includes(trials.state);
  return [
    ["Pipeline", ...pipeline(state)],
    ["Trial", TRIAL_TEXTS[trials.state], ...faults.map(({ code, detail }) => `${code}: ${detail}`)],
    ["Model", model.active, onTrial(model.candidate), good(model.lastGood, model.active)],
    [
      "Settings",
      active?.settings,
      isOnTrial ? onTrial(candidate?.settings) : undefined,
      good(lastGood?.settings, active?.settings),
    ],
    ["Refused", ...failed.map((one) => refused(one))],
    [
      "Versions",
      `agent ${version}`,
      sidecar.version && `sidecar ${sidecar.version}, engine ${sidecar.engine}`,
      sidecar.deepstream && `DeepStream ${sidecar.deepstream}`,
      sidecar.gstreamer && `GStreamer ${sidecar.gstreamer}`,
      [sidecar.board, sidecar.gpu].filter(Boolean).join(", "),
    ],
    ["Last worker", sidecar.previousWorker],
    [
      "Streams",
      ...outputs.map(({ id, camera, state: now, reason, detail, path }) => {
        const name = camera === undefined ? id : `${id}/${camera}`;
        return `${name}: ${now}${reason === undefined ? "" : `: ${reason}: ${detail}`} ${path ?? ""}`;
      }),
    ],
    [
      "Watching",
      `${outputs.reduce((sum, { viewers }) => sum + viewers, 0)} over RTSP, ${page.viewers} in browsers; open pages: ${page.pages}`,
    ],
  ];
}

function pipeline({ pipeline }: PageState): (HTMLElement | string | undefined)[] {
  const { state, phase, progress, reason, detail, nextAttempt } = pipeline;
  const className = state === "running" ? "good" : state === "failed" ? "bad" : "warn";
  const loading =
    phase === undefined ? "" : `: ${phase === "engine" ? "building the TensorRT engine" : phase}`;
  return [
    element("span", { className }, `${state}${loading}`),
    progress === undefined
      ? undefined
      : element("progress", { value: progress, ariaLabel: "Progress of loading" }),
    reason && `${reason}: ${detail}`,
    nextAttempt && `next attempt at ${clockTime(nextAttempt)}`,
  ];
}

function onTrial(name: string | undefined): string | undefined {
  return name && `${name} (on trial)`;
}

function good(name: string | undefined, active: string | undefined): string | undefined {
  return name === undefined || name === active ? undefined : `${name} (last good)`;
}

function refused(one: PageState["trials"]["failed"][number]): string {
  const why = one.faults.map(({ code, detail }) => `${code}: ${detail}`).join("; ");
  return `${one.model ?? ""} ${one.settings ?? ""}, ${new Date(one.at).toLocaleString()}: ${why}`;
}
