/** The contract's PipelineSpec: its fields, for parsing it from JSON, and the parsed values that the rules read. */

export type Scalar = "string" | "uint32" | "uint64" | "float" | "bool" | "duration" | "time";

export type FieldType =
  | { readonly t: "scalar"; readonly of: Scalar }
  | { readonly t: "enum"; readonly prefix: string; readonly values: readonly string[] }
  | { readonly t: "message"; readonly of: MessageName };

export interface Field {
  readonly type: FieldType;
  readonly repeated?: boolean;
}

export type Message = Readonly<Record<string, Field>>;

const scalar = (of: Scalar): Field => ({ type: { t: "scalar", of } });
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

/** The messages of the contract. A test compares them with the proto file. */
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

/**
 * A PipelineSpec as it was parsed, under the contract's names. What was absent or unreadable is absent here; enumerations
 * are their values without the prefix, durations are milliseconds.
 */
export interface Spec {
  readonly cameras: readonly Camera[];
  readonly model?: Model;
  readonly tracker?: { readonly algorithm?: string };
  readonly outputs: readonly Output[];
}

export interface Camera {
  readonly id?: string;
  readonly uri?: string;
  readonly masks?: readonly Polygon[];
}

export interface Polygon {
  readonly points?: readonly { readonly x?: number; readonly y?: number }[];
}

export interface Model {
  readonly bundle_path?: string;
  readonly threshold?: number;
  readonly classes?: readonly string[];
}

export interface Output {
  readonly id?: string;
  readonly layout?: string;
  readonly encoding?: Encoding;
  readonly rtsp?: { readonly port?: number; readonly path?: string };
  readonly file?: { readonly path?: string };
  readonly window?: Readonly<Record<string, never>>;
}

interface Encoding {
  readonly codec?: string;
  readonly width?: number;
  readonly height?: number;
  readonly bitrate?: number;
  readonly frame_rate?: number;
}
