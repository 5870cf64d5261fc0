/** Rules about outputs: ids, targets, encodings. */

import { type Problem, problem } from "../../../common/problem.js";
import { recordingPath } from "../../../common/settings/formats.js";
import { idProblems } from "./cameras.js";
import type { Output } from "./spec.js";

/** Below this nobody means bits a second. */
const LOWEST_BITRATE = 10_000;

export function outputProblems(outputs: readonly Output[]): Problem[] {
  if (outputs.length === 0) {
    return [problem("missing-field", "outputs", "there is no output: give at least one")];
  }
  return [
    ...idProblems(outputs, "outputs"),
    ...outputs.flatMap((output, i) => targetProblems(output, `outputs[${i}]`)),
    ...outputs.flatMap((output, i) => encodingProblems(output, `outputs[${i}].encoding`)),
    ...addressProblems(outputs),
  ];
}

function targetProblems({ rtsp, file, window }: Output, path: string): Problem[] {
  const given = [rtsp, file, window].filter((target) => target !== undefined).length;
  if (given !== 1) {
    return [problem("missing-field", path, "it has one of rtsp, file and window, and only one")];
  }
  const problems: Problem[] = [];
  const { port = 0, path: mount = "" } = rtsp ?? {};
  if (rtsp !== undefined && (port < 1 || port > 65535)) {
    problems.push(problem("out-of-range", `${path}.rtsp.port`, "a port is 1 to 65535"));
  }
  if (rtsp !== undefined && !/^\/./.test(mount)) {
    const message = 'a path begins with a slash, for example "/ds"';
    problems.push(problem("unknown-value", `${path}.rtsp.path`, message));
  }
  if (file !== undefined && recordingPath().read(file.path ?? "").t === "refused") {
    const message = `a file's path is ${recordingPath().allowed}, below the directory of recordings`;
    problems.push(problem("unknown-value", `${path}.file.path`, message));
  }
  return problems;
}

/** A window's picture is not encoded: it has a size and a rate alone. */
function encodingProblems({ encoding, window }: Output, path: string): Problem[] {
  if (encoding === undefined) {
    const message = "it says no width, height, bitrate and frame_rate";
    return [problem("missing-field", path, message)];
  }
  const { width = 0, height = 0, bitrate = 0, frame_rate: frameRate = 0 } = encoding;
  const sizes = Object.entries({ width, height })
    .filter(([, size]) => size < 16 || size > 8192 || size % 2 !== 0)
    .map(([name]) => problem("out-of-range", `${path}.${name}`, `${name} is even, 16 to 8192`));
  const problems = [...sizes];
  if (window === undefined && bitrate < LOWEST_BITRATE) {
    const message = `bitrate is in bits a second, at least ${LOWEST_BITRATE}`;
    problems.push(problem("out-of-range", `${path}.bitrate`, message));
  }
  if (frameRate < 1 || frameRate > 120) {
    problems.push(problem("out-of-range", `${path}.frame_rate`, "frame_rate is 1 to 120"));
  }
  return problems;
}

/** All RTSP outputs share one server: one port, different paths. The files of an output are its own. */
function addressProblems(outputs: readonly Output[]): Problem[] {
  const problems: Problem[] = [];
  const paths = new Map<string, number>();
  const files = new Map<string, number>();
  let port: number | undefined;
  for (const [i, { rtsp, file }] of outputs.entries()) {
    if (file?.path !== undefined) {
      const taken = files.get(file.path);
      if (taken !== undefined) {
        const message = `outputs[${taken}] has the path ${file.path} already`;
        problems.push(problem("duplicate-id", `outputs[${i}].file.path`, message));
      }
      files.set(file.path, i);
    }
    if (rtsp === undefined) continue;
    port ??= rtsp.port;
    if (rtsp.port !== port) {
      const message = `there is one RTSP server, and an output before asks for port ${port}`;
      problems.push(problem("several-ports", `outputs[${i}].rtsp.port`, message));
    }
    const mount = rtsp.path ?? "";
    const taken = paths.get(mount);
    if (taken !== undefined) {
      const message = `outputs[${taken}] has the path ${mount} already`;
      problems.push(problem("duplicate-id", `outputs[${i}].rtsp.path`, message));
    }
    paths.set(mount, i);
  }
  return problems;
}
