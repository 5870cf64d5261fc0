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

/** Scalar fields of one type. */
const scalars = (of: Scalar, ...names: readonly string[]): Message =>
  Object.fromEntries(names.map((name) => [name, { type: { t: "scalar", of } }]));
const one = (of: MessageName): Field => ({ type: { t: "message", of } });
const many = (of: MessageName): Field => ({ ...one(of), repeated: true });
const choice = (prefix: string, ...values: string[]): Field => ({
  type: { t: "enum", prefix, values: ["UNSPECIFIED", ...values] },
});

export type MessageName =
  | "PipelineSpec"
  | "Camera"
  | "CameraOff"
  | "Hiding"
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
    models: many("Model"),
    tracker: one("Tracker"),
    overlay: one("Overlay"),
    outputs: many("Output"),
  },
  Camera: {
    ...scalars("string", "id", "name", "uri"),
    credentials: one("Credentials"),
    transport: choice("TRANSPORT_", "TCP", "UDP"),
    ...scalars("duration", "latency", "frozen_after", "silent_after", "still_interval"),
    masks: many("Polygon"),
    ...scalars("bool", "accept_any_certificate"),
    off: one("CameraOff"),
    hiding: one("Hiding"),
  },
  Hiding: {
    classes: { type: { t: "scalar", of: "string" }, repeated: true },
    method: choice("HIDING_METHOD_", "COVER", "BLUR"),
  },
  CameraOff: scalars("time", "until"),
  Credentials: scalars("string", "username", "password"),
  Polygon: { points: many("Point") },
  Point: scalars("float", "x", "y"),
  Model: {
    ...scalars("string", "bundle_path"),
    ...scalars("uint32", "interval"),
    ...scalars("float", "threshold"),
    classes: { type: { t: "scalar", of: "string" }, repeated: true },
  },
  Tracker: { algorithm: choice("TRACKER_ALGORITHM_", "IOU", "NVSORT", "NVDCF", "NVDEEPSORT") },
  Overlay: scalars("bool", "boxes", "labels", "counts", "names", "zones"),
  Output: {
    ...scalars("string", "id"),
    layout: choice("LAYOUT_", "TILED", "PER_CAMERA"),
    encoding: one("Encoding"),
    rtsp: one("RtspTarget"),
    file: one("FileTarget"),
    window: one("WindowTarget"),
  },
  Encoding: {
    codec: choice("CODEC_", "H264", "H265"),
    ...scalars("uint32", "width", "height", "bitrate", "frame_rate"),
  },
  RtspTarget: {
    ...scalars("uint32", "port"),
    ...scalars("string", "path"),
    users: many("Credentials"),
  },
  FileTarget: {
    ...scalars("string", "path"),
    ...scalars("duration", "file_duration"),
    ...scalars("uint64", "max_bytes"),
  },
  WindowTarget: {},
};

/**
 * A PipelineSpec as it was parsed, under the contract's names. What was absent or unreadable is absent here; enumerations
 * are their values without the prefix, durations are milliseconds.
 */
export interface Spec {
  readonly cameras: readonly Camera[];
  readonly models: readonly Model[];
  readonly tracker?: { readonly algorithm?: string };
  readonly outputs: readonly Output[];
}

export interface Camera {
  readonly id?: string;
  readonly uri?: string;
  readonly masks?: readonly Polygon[];
  /** In milliseconds. */
  readonly still_interval?: number;
  readonly hiding?: { readonly classes?: readonly string[] };
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
