/** All rules for a gst-launch line; in this file those for nvstreammux, nvinfer, encoders of RTP streams, and UDP. */

import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { EncoderFacts, FactsFile } from "../../../common/catalogue/data.js";
import type { Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { integer, isTrue, isVariable } from "../value.js";
import { capsProblems } from "./caps.js";
import { boardProblems, elementProblems, platformProblems, usesNewMux } from "./elements.js";
import {
  downstream,
  type LaunchElement,
  type LaunchLine,
  type Link,
  pathOf,
  setting,
  sourcesOf,
  upstream,
} from "./parse.js";

export function lintLaunch(launch: LaunchLine, target: Target, catalogue: Catalogue): Problem[] {
  const { facts } = catalogue;
  return [
    ...elementProblems(launch, target, catalogue),
    ...capsProblems(launch, target, catalogue),
    ...platformProblems(launch, target, facts),
    ...boardProblems(launch, target, catalogue),
    ...(usesNewMux(launch) ? [] : muxProblems(launch)),
    ...inferProblems(launch),
    ...linkProblems(launch, catalogue),
    ...encoderProblems(launch, target, facts),
    ...udpProblems(launch),
  ].sort((a, b) => elementNumber(a) - elementNumber(b));
}

function elementNumber({ path }: Problem): number {
  return Number(/#(\d+)/.exec(path)?.[1] ?? 0);
}

const MUX = "nvstreammux";

/** The legacy nvstreammux and its batches. */
function muxProblems(launch: LaunchLine): Problem[] {
  return elementsOf(launch, MUX).flatMap((mux) => {
    const sources = sourcesOf(launch, mux).length;
    const live = upstream(launch, mux).find(isLive);
    return [
      ...sizeProblems(mux),
      ...batchProblems(mux, sources),
      ...(live === undefined ? [] : liveProblems(mux, sources, live)),
    ];
  });
}

/** nvinfer gets its batches from the muxer in front of it. */
function inferProblems(launch: LaunchLine): Problem[] {
  return elementsOf(launch, "nvinfer").flatMap((infer) => {
    const problems: Problem[] = [];
    if (setting(infer, "config-file-path") === undefined) {
      const message = "nvinfer does not start without config-file-path=FILE";
      problems.push(problem("config-file-missing", pathOf(infer), message));
    }
    const mux = upstream(launch, infer).find(({ factory }) => factory === MUX);
    const given = integer(mux && setting(mux, "batch-size"));
    const taken = integer(setting(infer, "batch-size"));
    if (given !== undefined && taken !== undefined && taken < given) {
      const message = `nvinfer takes batches of ${taken}, nvstreammux gives batches of ${given}: set batch-size=${given}`;
      problems.push(problem("infer-batch-below-mux", pathOf(infer, "batch-size"), message));
    }
    return problems;
  });
}

/** Bins that have a muxer of their own, and sources of batches that came from one in another process. */
const BATCHED =
  /^(nvstreammux|nvdsmetamux|nvmultiurisrcbin|nvunixfdsrc|nvstreammux_ucx|nvdsucx.*)$/;

/** Links that are there and cannot work. */
function linkProblems(launch: LaunchLine, catalogue: Catalogue): Problem[] {
  return [
    ...elementsOf(launch, "nvinfer").flatMap((infer) =>
      batchlessProblems(launch, infer, catalogue),
    ),
    ...launch.links.flatMap((link) => [...padProblems(link), ...containerProblems(launch, link)]),
  ];
}

/** nvinfer reads the batch's metadata, which a muxer attaches. */
function batchlessProblems(
  launch: LaunchLine,
  infer: LaunchElement,
  catalogue: Catalogue,
): Problem[] {
  const before = upstream(launch, infer);
  // An element that nobody knows, and appsrc, may give anything.
  const mayBatch = ({ factory }: LaunchElement) =>
    BATCHED.test(factory) || factory === "appsrc" || !catalogue.isKnown(factory);
  if (before.length === 0 || before.some(mayBatch)) return [];
  const message =
    "nvinfer takes batches, and no nvstreammux is in front of it: link its source to a muxer's pad, as in " +
    "... ! m.sink_0 nvstreammux name=m batch-size=1 width=1280 height=720 ! nvinfer ...";
  return [problem("infer-without-mux", pathOf(infer), message)];
}

/** nvstreammux gives no pad to a link that does not name one. */
function padProblems({ to, pad }: Link): Problem[] {
  if (to.factory !== MUX || pad !== undefined) return [];
  const name = setting(to, "name") ?? "m";
  const message = `nvstreammux has no pad for a link without a name: give it name=${name} and write ! ${name}.sink_0`;
  return [problem("mux-pad-missing", pathOf(to), message)];
}

const CONTAINER = /\.(mp4|m4v|mov|mkv|webm|avi|flv|ts|mts|m2ts|3gp)$/i;
/** Parsers, decoders and payloaders of a stream that is in no container. */
const ELEMENTARY =
  /^(h26[345]parse|av1parse|vp[89]parse|mpeg4videoparse|mpegvideoparse|jpegparse|aacparse|nvv4l2decoder|nvjpegdec|avdec_.*|nvh26[45]dec|vp[89]dec|jpegdec|rtp.*pay)$/;

function containerProblems(launch: LaunchLine, { from, to }: Link): Problem[] {
  if (!ELEMENTARY.test(to.factory)) return [];
  const file = [from, ...(/^queue2?$/.test(from.factory) ? sourcesOf(launch, from) : [])].find(
    ({ factory }) => factory === "filesrc",
  );
  const location = file === undefined ? undefined : setting(file, "location");
  if (location === undefined || !CONTAINER.test(location)) return [];
  const message = `${location} is a container, ${to.factory} takes the stream inside: put a demuxer between them, such as ${demuxerOf(location)}, or use decodebin`;
  return [problem("demuxer-missing", pathOf(to), message)];
}

function demuxerOf(location: string): string {
  if (/\.(mkv|webm)$/i.test(location)) return "matroskademux";
  if (/\.(ts|mts|m2ts)$/i.test(location)) return "tsdemux";
  if (/\.avi$/i.test(location)) return "avidemux";
  return /\.flv$/i.test(location) ? "flvdemux" : "qtdemux";
}

function elementsOf(launch: LaunchLine, factory: string): readonly LaunchElement[] {
  return launch.elements.filter((element) => element.factory === factory);
}

function sizeProblems(mux: LaunchElement): Problem[] {
  const missing = ["width", "height"].filter((name) => {
    const value = setting(mux, name);
    return !isVariable(value) && (integer(value) ?? 0) === 0;
  });
  if (missing.length === 0) return [];
  const message = `nvstreammux has no ${missing.join(" and ")}, which have no default: every frame is scaled to them`;
  return [problem("mux-size-missing", pathOf(mux), message)];
}

function batchProblems(mux: LaunchElement, sources: number): Problem[] {
  if (isVariable(setting(mux, "batch-size"))) return [];
  const path = pathOf(mux, "batch-size");
  const batch = integer(setting(mux, "batch-size")) ?? 0;
  const remedy = `set batch-size=${sources}`;
  if (batch === 0) {
    const message = `nvstreammux has no batch-size, which has no default: ${sources === 0 ? "set it" : remedy}`;
    return [problem("mux-batch-missing", path, message)];
  }
  const mismatch = `batch-size is ${batch} and the number of sources ${sources}`;
  if (batch < sources) {
    const message = `${mismatch}: frames go through the network in smaller batches than they could; ${remedy}`;
    return [problem("mux-batch-below-sources", path, message)];
  }
  if (sources > 0 && batch > sources) {
    const message = `${mismatch}: every batch waits for the timeout; ${remedy}`;
    return [problem("mux-batch-above-sources", path, message)];
  }
  return [];
}

const LONGEST_TIMEOUT_US = 1_000_000;

/** A camera among the sources may fall silent; a file never does. */
function liveProblems(mux: LaunchElement, sources: number, live: LaunchElement): Problem[] {
  const problems: Problem[] = [];
  // -1, the default, waits forever.
  const timeout = integer(setting(mux, "batched-push-timeout")) ?? -1;
  if (sources >= 2 && (timeout < 0 || timeout > LONGEST_TIMEOUT_US)) {
    const wait = timeout < 0 ? "forever" : `for ${timeout / 1e6} s`;
    const message = `a silent camera holds up all others ${wait}: set batched-push-timeout to one frame, 33000 (microseconds)`;
    problems.push(problem("mux-timeout-long", pathOf(mux, "batched-push-timeout"), message));
  }
  if (!isTrue(setting(mux, "live-source"))) {
    const message = `${pathOf(live)} is a live camera: set live-source=1, so that timestamps and latency are right`;
    problems.push(problem("live-source-missing", pathOf(mux, "live-source"), message));
  }
  return problems;
}

function isLive(element: LaunchElement): boolean {
  if (element.factory === "rtspsrc" || element.factory === "v4l2src") return true;
  return /^rtsps?:/.test(setting(element, "uri") ?? "");
}

/** Can a viewer join an encoded stream at any time? */
function encoderProblems(launch: LaunchLine, target: Target, facts: FactsFile): Problem[] {
  return launch.elements.flatMap((element) => {
    const encoder = facts.stream.encoders.find((one) => one.element === element.factory);
    if (encoder === undefined) return [];
    const after = downstream(launch, element);
    const isRtp = after.some(({ factory }) => /^rtph26[45]pay$/.test(factory));
    return [
      ...bitrateProblems(element, encoder),
      ...(isRtp ? keyFrameProblems(element, encoder, target, facts) : []),
      ...(isRtp ? parameterSetProblems(element, after) : []),
    ];
  });
}

const LOWEST_BITS = 10_000;
const HIGHEST_KILOBITS = 100_000;

function bitrateProblems(element: LaunchElement, encoder: EncoderFacts): Problem[] {
  const bitrate = integer(setting(element, "bitrate"));
  if (bitrate === undefined) return [];
  const isKilobits = encoder.bitrateUnit === "kbit/s";
  if (isKilobits ? bitrate <= HIGHEST_KILOBITS : bitrate >= LOWEST_BITS) return [];
  const meant = isKilobits ? Math.round(bitrate / 1000) : bitrate * 1000;
  const message = `${element.factory} takes its bitrate in ${encoder.bitrateUnit}: did you mean ${meant}?`;
  return [problem("bitrate-unit", pathOf(element, "bitrate"), message)];
}

function keyFrameProblems(
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

function parameterSetProblems(element: LaunchElement, after: readonly LaunchElement[]): Problem[] {
  const isRepeated =
    isTrue(setting(element, "insert-sps-pps")) ||
    after.some(
      (one) =>
        /^(h26[45]parse|rtph26[45]pay)$/.test(one.factory) &&
        (integer(setting(one, "config-interval")) ?? 0) !== 0,
    );
  if (isRepeated) return [];
  const parser = element.factory.includes("265") ? "h265parse" : "h264parse";
  const message = `parameter sets are sent once: put ${parser} config-interval=-1 after ${element.factory}`;
  return [problem("parameter-sets-missing", pathOf(element), message)];
}

/** UDP hops, such as the one to an RTSP server. */
function udpProblems(launch: LaunchLine): Problem[] {
  const taken = new Map<string, string>();
  return elementsOf(launch, "udpsink").flatMap((element) => {
    const host = setting(element, "host") ?? "localhost";
    const address = `${host}:${setting(element, "port") ?? "5004"}`;
    const problems: Problem[] = [];
    const first = taken.get(address);
    if (first === undefined) taken.set(address, pathOf(element));
    else {
      const message = `${first} sends to ${address} too: give each a port of its own`;
      problems.push(problem("udp-port-shared", pathOf(element, "port"), message));
    }
    if (/^2(2[4-9]|3\d)\./.test(host)) {
      const message = `${host} is multicast: the whole network receives it, other instances too; use host=127.0.0.1`;
      problems.push(problem("udp-multicast", pathOf(element, "host"), message));
    }
    return problems;
  });
}
