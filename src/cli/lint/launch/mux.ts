/** Rules about the legacy nvstreammux and its batches. */

import { type Problem, problem } from "../../../common/problem.js";
import { upstream } from "./graph.js";
import { type LaunchElement, type LaunchLine, pathOf, setting } from "./parse.js";
import { integer, isTrue } from "./value.js";

const MUX = "nvstreammux";
const LONGEST_TIMEOUT_US = 1_000_000;

export function muxProblems(launch: LaunchLine): Problem[] {
  return elementsOf(launch, MUX).flatMap((mux) => {
    const sources = launch.links.filter(({ to }) => to === mux).length;
    const live = upstream(launch, mux).find(isLive);
    return [
      ...sizeProblems(mux),
      ...batchProblems(mux, sources),
      ...timeoutProblems(mux, sources, live),
      ...liveProblems(mux, live),
    ];
  });
}

/** nvinfer takes its batch from the muxer in front of it. */
export function inferProblems(launch: LaunchLine): Problem[] {
  return elementsOf(launch, "nvinfer").flatMap((infer) => {
    const problems: Problem[] = [];
    if (setting(infer, "config-file-path") === undefined) {
      const message = "nvinfer does not start without config-file-path=FILE";
      problems.push(problem("config-file-missing", pathOf(infer), message));
    }
    const mux = upstream(launch, infer).find(({ factory }) => factory === MUX);
    const made = integer(mux && setting(mux, "batch-size"));
    const taken = integer(setting(infer, "batch-size"));
    if (made !== undefined && taken !== undefined && taken < made) {
      const message = `nvinfer takes ${taken} at once, nvstreammux gives ${made}: set batch-size=${made}`;
      problems.push(problem("infer-batch-below-mux", pathOf(infer, "batch-size"), message));
    }
    return problems;
  });
}

function elementsOf(launch: LaunchLine, factory: string): readonly LaunchElement[] {
  return launch.elements.filter((element) => element.factory === factory);
}

function sizeProblems(mux: LaunchElement): Problem[] {
  const missing = ["width", "height"].filter((name) => (integer(setting(mux, name)) ?? 0) === 0);
  if (missing.length === 0) return [];
  const message = `nvstreammux has no ${missing.join(" and ")}, which have no default: every picture is scaled to them`;
  return [problem("mux-size-missing", pathOf(mux), message)];
}

function batchProblems(mux: LaunchElement, sources: number): Problem[] {
  const path = pathOf(mux, "batch-size");
  const batch = integer(setting(mux, "batch-size")) ?? 0;
  const cure = `set batch-size=${sources}`;
  if (batch === 0) {
    const message = `nvstreammux has no batch-size, which has no default: ${sources === 0 ? "set it" : cure}`;
    return [problem("mux-batch-missing", path, message)];
  }
  const against = `batch-size is ${batch}, sources there are ${sources}`;
  if (batch < sources) {
    const message = `${against}: pictures go through the network in smaller steps than they could; ${cure}`;
    return [problem("mux-batch-below-sources", path, message)];
  }
  if (sources > 0 && batch > sources) {
    const message = `${against}: every batch waits for the timeout; ${cure}`;
    return [problem("mux-batch-above-sources", path, message)];
  }
  return [];
}

/** live: a camera among the sources. A file is never silent. */
function timeoutProblems(
  mux: LaunchElement,
  sources: number,
  live: LaunchElement | undefined,
): Problem[] {
  // -1, the default, waits for ever.
  const timeout = integer(setting(mux, "batched-push-timeout")) ?? -1;
  if (live === undefined || sources < 2 || (timeout >= 0 && timeout <= LONGEST_TIMEOUT_US))
    return [];
  const wait = timeout < 0 ? "for ever" : `for ${timeout / 1e6} s`;
  const message = `a silent camera holds up all others ${wait}: set batched-push-timeout to one frame, 33000 (microseconds)`;
  return [problem("mux-timeout-long", pathOf(mux, "batched-push-timeout"), message)];
}

function liveProblems(mux: LaunchElement, live: LaunchElement | undefined): Problem[] {
  if (live === undefined || isTrue(setting(mux, "live-source"))) return [];
  const message = `${pathOf(live)} is a live camera: set live-source=1, so that timestamps and latency are right`;
  return [problem("live-source-missing", pathOf(mux, "live-source"), message)];
}

function isLive(element: LaunchElement): boolean {
  if (element.factory === "rtspsrc" || element.factory === "v4l2src") return true;
  return /^rtsps?:/.test(setting(element, "uri") ?? "");
}
