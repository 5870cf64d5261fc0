/** All rules about a gst-launch line. */

import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { Target } from "../../../common/catalogue/targets.js";
import type { Problem } from "../../../common/problem.js";
import { boardProblems } from "./board.js";
import { elementProblems, usesNewMux } from "./elements.js";
import { flowProblems } from "./flow.js";
import { inferProblems, muxProblems } from "./mux.js";
import { neededProblems } from "./needed.js";
import type { LaunchLine } from "./parse.js";
import { streamProblems } from "./stream.js";
import { udpProblems } from "./udp.js";

export function lintLaunch(launch: LaunchLine, target: Target, catalogue: Catalogue): Problem[] {
  const { facts } = catalogue;
  return [
    ...elementProblems(launch, target, catalogue),
    ...flowProblems(launch, target, catalogue),
    ...neededProblems(launch, target, facts),
    ...boardProblems(launch, target, facts),
    ...(usesNewMux(launch) ? [] : muxProblems(launch)),
    ...inferProblems(launch),
    ...streamProblems(launch, target, facts),
    ...udpProblems(launch),
  ].sort((a, b) => elementNumber(a) - elementNumber(b));
}

function elementNumber({ path }: Problem): number {
  return Number(/#(\d+)/.exec(path)?.[1] ?? 0);
}
