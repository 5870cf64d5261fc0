/** What the specification asks of the release and of the board. */

import type { FactsFile } from "../../../common/catalogue/data.js";
import { describeSpan, isWithin } from "../../../common/catalogue/release.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import type { Output, Spec } from "./spec.js";

const PIXELS_1080P30 = 1920 * 1080 * 30;

export function trackerProblems(spec: Spec, target: Target, facts: FactsFile): Problem[] {
  const wanted = spec.tracker?.algorithm;
  if (wanted === undefined || wanted === "UNSPECIFIED") return [];
  const known = facts.trackers.algorithms;
  const algorithm = known.find(({ name }) => name.toUpperCase() === wanted);
  if (algorithm === undefined || isWithin(algorithm, target.release)) return [];
  const there = known.filter((one) => isWithin(one, target.release)).map(({ name }) => name);
  const message =
    `${describeTarget(target)} has no ${algorithm.name}, which exists ${describeSpan(algorithm)}; ` +
    `it has ${there.join(", ")}`;
  return [problem("tracker-unavailable", "tracker.algorithm", message)];
}

/** Codecs, and how much there is to decode and encode. */
export function capacityProblems(spec: Spec, target: Target): Problem[] {
  const { board } = target;
  if (board === undefined) return [];
  const problems: Problem[] = [];
  if (spec.cameras.length > board.decode1080p30) {
    const message =
      `${spec.cameras.length} cameras: ${board.name} decodes about ${board.decode1080p30} of 1080p at 30 frames ` +
      "a second; more only if they are smaller or slower";
    problems.push(problem("too-many-cameras", "cameras", message));
  }
  for (const [i, output] of spec.outputs.entries()) {
    const codec = codecOf(output);
    if (output.window !== undefined || board.encodes.includes(codec)) continue;
    const message =
      `${board.name} has no hardware encoder for ${codec.toUpperCase()}: the CPU does it, about ` +
      `${board.encode1080p30} pictures of 1080p at 30 frames a second`;
    problems.push(problem("software-encoder", `outputs[${i}].encoding.codec`, message));
  }
  const asked = spec.outputs.reduce((sum, output) => sum + load(output, spec.cameras.length), 0);
  if (asked > board.encode1080p30) {
    const message =
      `all outputs together are as much as ${asked.toFixed(1)} pictures of 1080p at 30 frames a second; ` +
      `${board.name} encodes about ${board.encode1080p30}: use fewer, smaller or slower ones`;
    problems.push(problem("too-many-streams", "outputs", message));
  }
  return problems;
}

/** A window is opened by the sink of the platform, or by one for every X display. */
export function displayProblems(spec: Spec, { platform }: Target): Problem[] {
  const sink = platform === "jetson" ? "nv3dsink" : "nveglglessink";
  return spec.outputs.flatMap(({ window }, i) => {
    if (window === undefined) return [];
    const message =
      `a window is opened by ${sink}, or else by ximagesink, on an X display: the sidecar needs DISPLAY and the ` +
      "directory /tmp/.X11-unix";
    return [problem("window-needs-display", `outputs[${i}].window`, message)];
  });
}

function codecOf(output: Output): string {
  return output.encoding?.codec === "H265" ? "h265" : "h264";
}

/** In pictures of 1080p at 30 frames a second. */
function load({ layout, encoding, window }: Output, cameras: number): number {
  if (encoding === undefined || window !== undefined) return 0;
  const { width = 0, height = 0, frame_rate: frameRate = 0 } = encoding;
  const pictures = layout === "PER_CAMERA" ? cameras : 1;
  return (pictures * width * height * frameRate) / PIXELS_1080P30;
}
