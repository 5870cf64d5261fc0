/** Rules for a specification: cameras, model, outputs, and what the target can do. */

import type { FactsFile } from "../../../common/catalogue/data.js";
import { describeSpan, isWithin } from "../../../common/catalogue/release.js";
import { type AnyTarget, describeTarget } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { ID, ID_FORM } from "../../../common/settings/camera-id.js";
import { CAMERA_SCHEMES, readCameraUri } from "../../../common/settings/camera-uri.js";
import { recordingPath } from "../../../common/settings/formats.js";
import { MOST_MODELS } from "../../../common/settings/spec.js";
import { type Bundle, numbersOf } from "../bundle/bundle.js";
import { classNamesOf } from "../bundle/labels.js";
import { cascadeProblems } from "./cascade-rules.js";
import type { Camera, Model, Output, Polygon, Spec } from "./schema.js";

/** bundles: of each model, as far as they are known. */
export function lintSpec(
  spec: Spec,
  bundles: readonly (Bundle | undefined)[],
  target: AnyTarget,
  facts: FactsFile,
): Problem[] {
  return [
    ...cameraProblems(spec.cameras),
    ...modelsProblems(spec, bundles),
    ...hidingProblems(spec.cameras, bundles[0], target),
    ...outputProblems(spec.outputs),
    ...stillIntervalProblems(spec, target),
    ...trackerProblems(spec, target, facts),
    ...capacityProblems(spec, target),
    ...windowProblems(spec, target),
  ];
}

function cameraProblems(cameras: readonly Camera[]): Problem[] {
  if (cameras.length === 0) {
    return [problem("missing-field", "cameras", "there is no camera: give at least one")];
  }
  return [
    ...idProblems(cameras, "cameras"),
    ...cameras.flatMap(({ uri }, i) => uriProblems(uri, `cameras[${i}].uri`)),
    ...cameras.flatMap(({ masks = [] }, i) =>
      masks.flatMap((mask, j) => maskProblems(mask, `cameras[${i}].masks[${j}]`)),
    ),
  ];
}

/** Ids of cameras, or of outputs, have one form and are unique. */
function idProblems(items: readonly { readonly id?: string }[], path: string): Problem[] {
  const first = new Map<string, number>();
  return items.flatMap(({ id = "" }, i) => {
    const at = `${path}[${i}].id`;
    if (id === "") return [problem("missing-field", at, "it has no id")];
    if (!ID.test(id)) return [problem("invalid-id", at, `"${id}" is not a valid id: ${ID_FORM}`)];
    const taken = first.get(id);
    if (taken !== undefined) {
      return [problem("duplicate-id", at, `${path}[${taken}] already has the id ${id}`)];
    }
    first.set(id, i);
    return [];
  });
}

/** Never quotes the address: it may hold a login. */
function uriProblems(uri: string | undefined, path: string): Problem[] {
  if (uri === undefined || uri === "") {
    return [problem("missing-field", path, `it has no address: give ${CAMERA_SCHEMES}`)];
  }
  const read = readCameraUri(uri);
  if (read.t === "refused") {
    return [problem("invalid-uri", path, `it is not a camera's address: give ${read.allowed}`)];
  }
  if (read.credentials === undefined) return [];
  return [problem("login-in-uri", path, "it holds a login: move it to credentials")];
}

function maskProblems({ points = [] }: Polygon, path: string): Problem[] {
  if (points.length < 3) {
    const message = `a mask has at least 3 points, this one has ${points.length}`;
    return [problem("out-of-range", `${path}.points`, message)];
  }
  return points.flatMap(({ x = 0, y = 0 }, i) => {
    if (x >= 0 && x <= 1 && y >= 0 && y <= 1) return [];
    const message = `(${x}, ${y}) is outside: points are fractions of the frame, 0 to 1`;
    return [problem("out-of-range", `${path}.points[${i}]`, message)];
  });
}

function modelsProblems(spec: Spec, bundles: readonly (Bundle | undefined)[]): Problem[] {
  const { models } = spec;
  if (models.length === 0) {
    return [problem("missing-field", "models", "there is no model: give at least one")];
  }
  if (models.length > MOST_MODELS) {
    const message = `there are ${models.length} models: at most ${MOST_MODELS} run together`;
    return [problem("out-of-range", "models", message)];
  }
  return [
    ...models.flatMap((model, i) => modelProblems(model, `models[${i}]`, bundles[i])),
    ...cascadeProblems(spec, bundles),
  ];
}

function modelProblems(model: Model, path: string, bundle: Bundle | undefined): Problem[] {
  if ((model.bundle_path ?? "") === "") {
    return [problem("missing-field", `${path}.bundle_path`, "it names no model bundle")];
  }
  const { threshold = 0, classes = [] } = model;
  const labels = bundle && classNamesOf(bundle);
  const unknown = unknownClasses(classes, labels, `${path}.classes`);
  if (threshold >= 0 && threshold <= 1) return unknown;
  return [problem("out-of-range", `${path}.threshold`, "a threshold is 0 to 1"), ...unknown];
}

function hidingProblems(
  cameras: readonly Camera[],
  bundle: Bundle | undefined,
  target: AnyTarget,
): Problem[] {
  const labels = bundle && classNamesOf(bundle);
  return cameras.flatMap(({ hiding }, i) => {
    if (hiding === undefined) return [];
    const { classes = [] } = hiding;
    const path = `cameras[${i}].hiding`;
    if (target.engine !== "cpu") {
      const message = "engine deepstream cannot hide objects: use masks, or engine cpu";
      return [problem("hiding-unsupported", path, message)];
    }
    if (classes.length > 0) {
      const at = `${path}.classes`;
      return [...unknownClasses(classes, labels, at), ...filteredOut(classes, bundle, labels, at)];
    }
    return [problem("missing-field", `${path}.classes`, "it names no class")];
  });
}

/** Classes whose objects nobody sees cannot be hidden. */
function filteredOut(
  classes: readonly string[],
  bundle: Bundle | undefined,
  labels: readonly string[] | undefined,
  path: string,
): Problem[] {
  if (bundle === undefined || labels === undefined) return [];
  const ids = numbersOf(bundle, "filter-out-class-ids");
  return classes.flatMap((name, i) => {
    if (!labels.includes(name) || !ids.includes(labels.indexOf(name))) return [];
    const message = `the bundle drops objects of class "${name}" (filter-out-class-ids), so that they cannot be hidden`;
    return [problem("class-filtered-out", `${path}[${i}]`, message)];
  });
}

/** `labels`: undefined if they are not known. */
function unknownClasses(
  classes: readonly string[],
  labels: readonly string[] | undefined,
  path: string,
): Problem[] {
  return classes.flatMap((name, i) => {
    if (labels === undefined || labels.includes(name)) return [];
    const message = `the model has no class "${name}"${didYouMean(closest(name, labels))}`;
    return [problem("unknown-class", `${path}[${i}]`, message)];
  });
}

function outputProblems(outputs: readonly Output[]): Problem[] {
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
    return [problem("missing-field", path, "it needs exactly one of rtsp, file and window")];
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

/** Nobody means a lower bitrate in bits a second. */
const LOWEST_BITRATE = 10_000;

/** A window is not encoded: it has a size and a frame rate alone. */
function encodingProblems({ encoding, window }: Output, path: string): Problem[] {
  if (encoding === undefined) {
    return [problem("missing-field", path, "it has no width, height, bitrate and frame_rate")];
  }
  const { width = 0, height = 0, bitrate = 0, frame_rate: frameRate = 0 } = encoding;
  const problems = Object.entries({ width, height })
    .filter(([, size]) => size < 16 || size > 8192 || size % 2 !== 0)
    .map(([name]) => problem("out-of-range", `${path}.${name}`, `${name} is even, 16 to 8192`));
  if (window === undefined && bitrate < LOWEST_BITRATE) {
    const message = `bitrate is in bits a second, at least ${LOWEST_BITRATE}`;
    problems.push(problem("out-of-range", `${path}.bitrate`, message));
  }
  if (frameRate < 1 || frameRate > 120) {
    problems.push(problem("out-of-range", `${path}.frame_rate`, "frame_rate is 1 to 120"));
  }
  return problems;
}

/** All RTSP outputs share one server: one port, different paths. Two outputs never write the same files. */
function addressProblems(outputs: readonly Output[]): Problem[] {
  const problems: Problem[] = [];
  const taken = new Map<string, number>();
  const unique = (kind: "file" | "rtsp", path: string, i: number) => {
    const first = taken.get(`${kind} ${path}`);
    if (first !== undefined) {
      const message = `outputs[${first}] already has the path ${path}`;
      problems.push(problem("duplicate-id", `outputs[${i}].${kind}.path`, message));
    }
    taken.set(`${kind} ${path}`, i);
  };
  let port: number | undefined;
  for (const [i, { rtsp, file }] of outputs.entries()) {
    if (file?.path !== undefined) unique("file", file.path, i);
    if (rtsp === undefined) continue;
    port ??= rtsp.port;
    if (rtsp.port !== port) {
      const message = `there is one RTSP server, and an earlier output asks for port ${port}`;
      problems.push(problem("several-ports", `outputs[${i}].rtsp.port`, message));
    }
    unique("rtsp", rtsp.path ?? "", i);
  }
  return problems;
}

function stillIntervalProblems({ cameras }: Spec, target: AnyTarget): Problem[] {
  if (target.engine === "cpu") return [];
  const message =
    "engine deepstream ignores it: it infers whether anything moves or not; use model.interval";
  return cameras.flatMap(({ still_interval = 0 }, i) =>
    still_interval > 0
      ? [problem("still-interval-ignored", `cameras[${i}].still_interval`, message)]
      : [],
  );
}

function trackerProblems(spec: Spec, target: AnyTarget, facts: FactsFile): Problem[] {
  const wanted = spec.tracker?.algorithm;
  if (wanted === undefined || wanted === "UNSPECIFIED") return [];
  if (target.engine === "cpu") {
    if (wanted === "IOU") return [];
    const message = `engine cpu has no tracker ${wanted.toLowerCase()}: use iou`;
    return [problem("tracker-unavailable", "tracker.algorithm", message)];
  }
  const known = facts.trackers.algorithms;
  const algorithm = known.find(({ name }) => name.toUpperCase() === wanted);
  if (algorithm === undefined || isWithin(algorithm, target.release)) return [];
  const available = known.filter((one) => isWithin(one, target.release)).map(({ name }) => name);
  const message =
    `${describeTarget(target)} has no ${algorithm.name}, which exists ${describeSpan(algorithm)}; ` +
    `it has ${available.join(", ")}`;
  return [problem("tracker-unavailable", "tracker.algorithm", message)];
}

const PIXELS_1080P30 = 1920 * 1080 * 30;

/** Codecs, and how much the board can decode and encode. */
function capacityProblems({ cameras, outputs }: Spec, target: AnyTarget): Problem[] {
  const board = target.engine === "cpu" ? undefined : target.board;
  if (board === undefined) return [];
  const problems: Problem[] = [];
  if (cameras.length > board.decode1080p30) {
    const message =
      `${cameras.length} cameras: ${board.name} decodes about ${board.decode1080p30} of 1080p at 30 frames ` +
      "a second; more only if they are smaller or slower";
    problems.push(problem("too-many-cameras", "cameras", message));
  }
  for (const [i, { window, encoding }] of outputs.entries()) {
    const codec = encoding?.codec === "H265" ? "h265" : "h264";
    if (window !== undefined || board.encodes.includes(codec)) continue;
    const message =
      `${board.name} has no hardware encoder for ${codec.toUpperCase()}: the CPU encodes, about ` +
      `${board.encode1080p30} streams of 1080p at 30 frames a second`;
    problems.push(problem("software-encoder", `outputs[${i}].encoding.codec`, message));
  }
  const load = outputs.reduce((sum, output) => sum + loadOf(output, cameras.length), 0);
  if (load > board.encode1080p30) {
    const message =
      `all outputs together are as much as ${load.toFixed(1)} streams of 1080p at 30 frames a second; ` +
      `${board.name} encodes about ${board.encode1080p30}: use fewer, smaller or slower ones`;
    problems.push(problem("too-many-streams", "outputs", message));
  }
  return problems;
}

/** In streams of 1080p at 30 frames a second. */
function loadOf({ layout, encoding, window }: Output, cameras: number): number {
  if (encoding === undefined || window !== undefined) return 0;
  const { width = 0, height = 0, frame_rate: frameRate = 0 } = encoding;
  const streams = layout === "PER_CAMERA" ? cameras : 1;
  return (streams * width * height * frameRate) / PIXELS_1080P30;
}

/** A window is opened by the platform's sink, or by one that works on any X display. */
function windowProblems({ outputs }: Spec, target: AnyTarget): Problem[] {
  const ofNvidia =
    target.engine === "deepstream" && target.platform === "jetson" ? "nv3dsink" : "nveglglessink";
  const sinks = target.engine === "cpu" ? "ximagesink" : `${ofNvidia}, or else by ximagesink,`;
  const message =
    `a window is opened by ${sinks} on an X display: the sidecar needs DISPLAY and the ` +
    "directory /tmp/.X11-unix";
  return outputs.flatMap(({ window }, i) =>
    window === undefined ? [] : [problem("window-needs-display", `outputs[${i}].window`, message)],
  );
}
