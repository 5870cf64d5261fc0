/** Converts the desired specification into messages of the contract. */

import type * as want from "../../common/settings/spec.js";
import { Duration } from "./gen/google/protobuf/duration.js";
import * as pb from "./gen/slipstream/v1/spec.js";

export function toPipelineSpec(spec: want.PipelineSpec): pb.PipelineSpec {
  return {
    cameras: spec.cameras.map(toCamera),
    models: spec.models.map(toModel),
    tracker: spec.tracker === undefined ? undefined : { algorithm: TRACKERS[spec.tracker] },
    overlay: { ...spec.overlay },
    outputs: spec.outputs.map(toOutput),
  };
}

/** ms: may have a fraction. */
export function toDuration(ms: number): Duration {
  const nanos = Math.round(ms * 1_000_000);
  return Duration.create({
    seconds: BigInt(Math.trunc(nanos / 1_000_000_000)),
    nanos: nanos % 1_000_000_000,
  });
}

export function toPolygon(points: want.Polygon): pb.Polygon {
  return { points: points.map(([x, y]) => ({ x, y })) };
}

const HIDING_METHODS = {
  cover: pb.HidingMethod.HIDING_METHOD_COVER,
  blur: pb.HidingMethod.HIDING_METHOD_BLUR,
} as const;

const TRANSPORTS = {
  tcp: pb.Transport.TRANSPORT_TCP,
  udp: pb.Transport.TRANSPORT_UDP,
} as const;

const LAYOUTS = {
  tiled: pb.Layout.LAYOUT_TILED,
  "per-camera": pb.Layout.LAYOUT_PER_CAMERA,
} as const;

const TRACKERS = {
  iou: pb.TrackerAlgorithm.TRACKER_ALGORITHM_IOU,
  nvsort: pb.TrackerAlgorithm.TRACKER_ALGORITHM_NVSORT,
  nvdcf: pb.TrackerAlgorithm.TRACKER_ALGORITHM_NVDCF,
  nvdeepsort: pb.TrackerAlgorithm.TRACKER_ALGORITHM_NVDEEPSORT,
} as const;

const CODECS = { H264: pb.Codec.CODEC_H264, H265: pb.Codec.CODEC_H265 } as const;

function toCamera(camera: want.Camera): pb.Camera {
  const { id, name, uri, credentials } = camera;
  return {
    id,
    name,
    uri,
    credentials: credentials === undefined ? undefined : { ...credentials },
    transport: TRANSPORTS[camera.transport],
    latency: toDuration(camera.latencyMs),
    masks: camera.masks.map(toPolygon),
    acceptAnyCertificate: camera.acceptAnyCertificate,
    frozenAfter: toDuration(camera.frozenAfterMs),
    silentAfter: toDuration(camera.silentAfterMs),
    stillInterval: toDuration(camera.stillIntervalMs),
    hiding:
      camera.hiding === undefined
        ? undefined
        : { classes: [...camera.hiding.classes], method: HIDING_METHODS[camera.hiding.method] },
    off: camera.off === undefined ? undefined : { until: toDate(camera.off.untilMs) },
  };
}

function toDate(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

function toModel(model: want.Model): pb.Model {
  const { bundlePath, interval, threshold } = model;
  return { bundlePath, interval, threshold, classes: [...model.classes] };
}

function toOutput(output: want.Output): pb.Output {
  return {
    id: output.id,
    layout: LAYOUTS[output.layout],
    encoding: { ...output.encoding, codec: CODECS[output.encoding.codec] },
    target: toTarget(output.target),
  };
}

function toTarget(target: want.Target): pb.Output["target"] {
  switch (target.t) {
    case "rtsp": {
      const { port, path } = target;
      const users = target.users.map((user) => ({ ...user }));
      return { $case: "rtsp", value: { port, path, users } };
    }
    case "file": {
      const { path, maxBytes, fileDurationMs } = target;
      const fileDuration = toDuration(fileDurationMs);
      return { $case: "file", value: { path, fileDuration, maxBytes: BigInt(maxBytes) } };
    }
    case "window":
      return { $case: "window", value: {} };
    default:
      return target satisfies never;
  }
}
