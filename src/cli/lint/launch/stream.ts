/** Rules for encoders whose stream goes out as RTP: can a viewer join at any time? */

import type { EncoderFacts, FactsFile } from "../../../common/catalogue/data.js";
import type { Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { downstream } from "./graph.js";
import { type LaunchElement, type LaunchLine, pathOf, setting } from "./parse.js";
import { integer, isTrue } from "./value.js";

const LOWEST_BITS = 10_000;
const HIGHEST_KILOBITS = 100_000;

export function streamProblems(launch: LaunchLine, target: Target, facts: FactsFile): Problem[] {
  return launch.elements.flatMap((element) => {
    const encoder = facts.stream.encoders.find((one) => one.element === element.factory);
    if (encoder === undefined) return [];
    const behind = downstream(launch, element);
    const isLive = behind.some(({ factory }) => /^rtph26[45]pay$/.test(factory));
    return [
      ...bitrateProblems(element, encoder),
      ...(isLive ? gapProblems(element, encoder, target, facts) : []),
      ...(isLive ? parameterProblems(element, behind) : []),
    ];
  });
}

function bitrateProblems(element: LaunchElement, encoder: EncoderFacts): Problem[] {
  const bitrate = integer(setting(element, "bitrate"));
  if (bitrate === undefined) return [];
  const isKilobits = encoder.bitrateUnit === "kbit/s";
  if (isKilobits ? bitrate <= HIGHEST_KILOBITS : bitrate >= LOWEST_BITS) return [];
  const meant = isKilobits ? Math.round(bitrate / 1000) : bitrate * 1000;
  const message = `${element.factory} counts its bitrate in ${encoder.bitrateUnit}: ${meant} is meant, perhaps`;
  return [problem("bitrate-unit", pathOf(element, "bitrate"), message)];
}

function gapProblems(
  element: LaunchElement,
  encoder: EncoderFacts,
  target: Target,
  facts: FactsFile,
): Problem[] {
  const { longestKeyFrameGapSeconds, frameRate } = facts.stream;
  const gap = encoder.gap.find(({ platform }) => (platform ?? target.platform) === target.platform);
  if (gap === undefined) return [];
  // 0 leaves it to the encoder.
  const frames = integer(setting(element, gap.property)) || gap.default;
  if (frames <= longestKeyFrameGapSeconds * frameRate) return [];
  const message =
    `a new viewer waits for a key frame, one in ${frames} frames: ${(frames / frameRate).toFixed(1)} s at ${frameRate} ` +
    `frames a second; set ${gap.property}=${frameRate}`;
  return [problem("key-frames-rare", pathOf(element, gap.property), message)];
}

function parameterProblems(element: LaunchElement, behind: readonly LaunchElement[]): Problem[] {
  const isRepeated =
    isTrue(setting(element, "insert-sps-pps")) ||
    behind.some(
      (one) =>
        /^(h26[45]parse|rtph26[45]pay)$/.test(one.factory) &&
        (integer(setting(one, "config-interval")) ?? 0) !== 0,
    );
  if (isRepeated) return [];
  const parser = element.factory.includes("265") ? "h265parse" : "h264parse";
  const message = `parameter sets are sent once: put ${parser} config-interval=-1 behind ${element.factory}`;
  return [problem("parameter-sets-missing", pathOf(element), message)];
}
