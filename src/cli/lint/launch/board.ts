/** What the board itself does not have. */

import type { FactsFile } from "../../../common/catalogue/data.js";
import type { Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { type LaunchLine, pathOf } from "./parse.js";

export function boardProblems(launch: LaunchLine, target: Target, facts: FactsFile): Problem[] {
  return [...encoderProblems(launch, target, facts), ...windowProblems(launch, target)];
}

function encoderProblems(launch: LaunchLine, { board }: Target, facts: FactsFile): Problem[] {
  if (board === undefined) return [];
  const missing = facts.stream.encoders.filter(
    ({ hardware, codec }) => hardware && !board.encodes.includes(codec),
  );
  return launch.elements.flatMap((element) => {
    const encoder = missing.find((one) => one.element === element.factory);
    if (encoder === undefined) return [];
    const software = facts.stream.encoders.find(
      ({ hardware, codec }) => !hardware && codec === encoder.codec,
    );
    const message =
      `${board.name} has no hardware encoder for ${encoder.codec.toUpperCase()}: use nvvideoconvert ! ` +
      `video/x-raw,format=I420 ! ${software?.element} tune=zerolatency (bitrate in kbit/s)`;
    return [problem("no-hardware-encoder", pathOf(element), message)];
  });
}

function windowProblems(launch: LaunchLine, target: Target): Problem[] {
  if (target.platform !== "jetson") return [];
  return launch.links
    .filter(({ from, to }) => to.factory === "nveglglessink" && from.factory !== "nvegltransform")
    .map(({ to }) => {
      const message =
        "on Jetson nvegltransform stands directly in front of nveglglessink; or use nv3dsink";
      return problem("egl-transform-missing", pathOf(to), message);
    });
}
