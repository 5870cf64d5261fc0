/** The fields of the contract's PipelineSpec, for reading it from JSON. A test holds it against the proto file. */

export type FieldType =
  | {
      readonly t: "scalar";
      readonly of: "string" | "uint32" | "uint64" | "float" | "bool" | "duration" | "time";
    }
  | { readonly t: "enum"; readonly prefix: string; readonly values: readonly string[] }
  | { readonly t: "message"; readonly of: MessageName };

export interface Field {
  readonly type: FieldType;
  readonly repeated?: boolean;
}

export type Message = Readonly<Record<string, Field>>;

const scalar = (
  of: "string" | "uint32" | "uint64" | "float" | "bool" | "duration" | "time",
): Field => ({
  type: { t: "scalar", of },
});
const one = (of: MessageName): Field => ({ type: { t: "message", of } });
const many = (of: MessageName): Field => ({ ...one(of), repeated: true });
const choice = (prefix: string, ...values: string[]): Field => ({
  type: { t: "enum", prefix, values: ["UNSPECIFIED", ...values] },
});

export type MessageName =
  | "PipelineSpec"
  | "Camera"
  | "CameraOff"
  | "Credentials"
  | "Polygon"
  | "Point"
  | "Model"
  | "Tracker"
  | "Overlay"
  | "Output"
  | "Encoding"
  | "RtspTarget"
  | "FileTarget"
  | "WindowTarget";

export const MESSAGES: Readonly<Record<MessageName, Message>> = {
  PipelineSpec: {
    cameras: many("Camera"),
    model: one("Model"),
    tracker: one("Tracker"),
    overlay: one("Overlay"),
    outputs: many("Output"),
  },
  Camera: {
    id: scalar("string"),
    name: scalar("string"),
    uri: scalar("string"),
    credentials: one("Credentials"),
    transport: choice("TRANSPORT_", "TCP", "UDP"),
    latency: scalar("duration"),
    masks: many("Polygon"),
    accept_any_certificate: scalar("bool"),
    frozen_after: scalar("duration"),
    off: one("CameraOff"),
  },
  CameraOff: { until: scalar("time") },
  Credentials: { username: scalar("string"), password: scalar("string") },
  Polygon: { points: many("Point") },
  Point: { x: scalar("float"), y: scalar("float") },
  Model: {
    bundle_path: scalar("string"),
    interval: scalar("uint32"),
    threshold: scalar("float"),
    classes: { ...scalar("string"), repeated: true },
  },
  Tracker: { algorithm: choice("TRACKER_ALGORITHM_", "IOU", "NVSORT", "NVDCF", "NVDEEPSORT") },
  Overlay: {
    boxes: scalar("bool"),
    labels: scalar("bool"),
    counts: scalar("bool"),
    names: scalar("bool"),
  },
  Output: {
    id: scalar("string"),
    layout: choice("LAYOUT_", "TILED", "PER_CAMERA"),
    encoding: one("Encoding"),
    rtsp: one("RtspTarget"),
    file: one("FileTarget"),
    window: one("WindowTarget"),
  },
  Encoding: {
    codec: choice("CODEC_", "H264", "H265"),
    width: scalar("uint32"),
    height: scalar("uint32"),
    bitrate: scalar("uint32"),
    frame_rate: scalar("uint32"),
  },
  RtspTarget: { port: scalar("uint32"), path: scalar("string"), users: many("Credentials") },
  FileTarget: {
    path: scalar("string"),
    file_duration: scalar("duration"),
    max_bytes: scalar("uint64"),
  },
  WindowTarget: {},
};
