/** The types of the data files in catalogue/. Each file describes its own fields. */

import type { Availability, Platform, Span } from "./release.js";

export interface ElementsFile {
  readonly elements: readonly ElementRecord[];
}

export interface ElementRecord extends Span {
  readonly name: string;
  readonly kind: string;
  readonly platforms: readonly Platform[];
  /** Only nvstreammux has two: legacy, which is the default, and new. */
  readonly variant?: string;
  readonly pads: readonly PadRecord[];
  readonly properties: readonly PropertyRecord[];
}

export interface PadRecord extends Partial<Span> {
  readonly direction: string;
  readonly presence: string;
  readonly caps: readonly CapsRecord[];
}

export interface CapsRecord {
  /** "ANY": any media type. */
  readonly media: string;
  readonly features?: readonly string[];
  /** If an entry begins with "...", the list is incomplete. */
  readonly formats?: readonly string[];
}

export interface PropertyRecord {
  readonly name: string;
  readonly type: string;
  readonly min?: number | null;
  readonly max?: number | null;
  readonly enum?: readonly EnumRecord[];
  /** Absent: rw. */
  readonly access?: string;
  readonly availability: readonly Availability[];
  readonly changes?: readonly ChangeRecord[];
}

/** A nick may end in brackets with the platform or release that it is limited to. */
export interface EnumRecord {
  readonly value: number;
  readonly nick: string;
}

/** Facts before a release, and from that release on. */
export interface ChangeRecord {
  readonly version: string;
  readonly changed: {
    readonly type?: readonly [string, string];
    readonly min?: readonly [number | null, number | null];
    readonly max?: readonly [number | null, number | null];
    readonly enum?: readonly [readonly EnumRecord[], readonly EnumRecord[]];
  };
}

/** What gst-inspect printed for real elements, by element and property. */
export interface SeenFile {
  readonly elements: Readonly<Record<string, Readonly<Record<string, SeenProperty>>>>;
}

export interface SeenProperty {
  readonly type: string;
  readonly range?: readonly [string, string];
  readonly values?: Readonly<Record<string, string>>;
}

export interface GStreamerFile {
  readonly elements: readonly PlainElementRecord[];
  /** Separated by blanks. */
  readonly names: string;
}

export interface PlainElementRecord {
  readonly name: string;
  /** GStreamer's release. Absent: 1.14 or earlier. */
  readonly since?: string;
  readonly pads: readonly PadRecord[];
  readonly properties: readonly PlainPropertyRecord[];
}

export type PlainPropertyRecord = Omit<PropertyRecord, "availability"> & {
  readonly since?: string;
};

export interface TargetsFile {
  readonly boards: readonly Board[];
  readonly releases: readonly ReleaseRecord[];
}

export interface Board {
  readonly id: string;
  readonly name: string;
  readonly arch: string;
  readonly platform: Platform;
  readonly release: string;
  readonly alsoLinted: readonly string[];
  readonly releases: readonly string[];
  readonly memoryMB: number;
  readonly sharedMemory: boolean;
  readonly int8: boolean;
  readonly encodes: readonly string[];
  readonly encode1080p30: number;
  readonly decodes: readonly string[];
  readonly decode1080p30: number;
}

export interface ReleaseRecord {
  readonly release: string;
  readonly gstreamer: string;
  readonly platforms: Readonly<
    Partial<
      Record<Platform, { readonly tensorrt: string | null; readonly onnxOpset: number | null }>
    >
  >;
}

/** Releases of TensorRT, both included. Without since: from the first. Without until: to this day. */
export interface OnnxSpan {
  readonly since?: string;
  readonly until?: string | null;
}

export interface OnnxOperatorsFile {
  readonly sources: readonly string[];
  readonly functionsSince: string;
  readonly types: readonly {
    readonly name: string;
    readonly code: number;
    readonly tensors: string | null;
    readonly weights: string | null;
  }[];
  readonly operators: readonly OnnxOperator[];
  readonly plugins: readonly ({ readonly name: string } & OnnxSpan)[];
}

export interface OnnxOperator extends OnnxSpan {
  readonly name: string;
  readonly constants?: readonly OnnxConstant[];
  readonly attributes?: readonly ({
    readonly name: string;
    readonly allowed: readonly (string | number)[];
    /** Other values are ignored, with wrong results. */
    readonly ignored?: boolean;
  } & OnnxSpan)[];
  /** Inputs that must not be a constant of these types. */
  readonly weights?: readonly ({
    readonly input: number;
    readonly name: string;
    readonly types: readonly string[];
  } & OnnxSpan)[];
  /** Inputs of the node's body that exist only if the node has that input. */
  readonly bodyInputs?: readonly { readonly input: number; readonly name: string }[];
  readonly outputs?: number;
}

/** An input that must be an initializer. */
export interface OnnxConstant extends OnnxSpan {
  readonly input: number;
  readonly name: string;
  readonly or?: readonly string[];
  readonly opsetSince?: number;
  readonly opsetUntil?: number;
  readonly unlessInput?: number;
  /** The output of a node is accepted, an input of the network is not. */
  readonly computed?: boolean;
}

/** What reads the outputs of networks, and which families of networks there are; decoders.json explains the fields. */
export interface DecodersFile {
  readonly decoders: readonly {
    readonly name: string;
    readonly reads: string;
    readonly foreign?: true;
    readonly builtin?: true;
    readonly files?: readonly string[];
  }[];
  readonly normalisations: readonly Normalisation[];
  readonly families: readonly Family[];
}

/** The input is (x - offset) / divisor, x being 0 to 255, by channel in RGB order. */
export interface Normalisation {
  readonly id: string;
  readonly offset: readonly number[];
  readonly divisor: readonly number[];
}

export type Colour = "rgb" | "bgr";

/** How a frame is laid into the network's input. */
export type Fit = "centre" | "corner" | "stretch";

/** Networks whose outputs and inputs have the same form. Null: the projects differ, and the user must say it. */
export interface Family {
  readonly id: string;
  readonly title: string;
  readonly decoder: string;
  readonly suppressed: boolean;
  readonly threshold: number;
  readonly normalise: string | null;
  readonly colour: Colour | null;
  readonly fit: Fit | null;
  readonly source: string;
}

export interface NvinferKeysFile {
  readonly keys: readonly NvinferKey[];
}

export interface NvinferKey extends Span {
  readonly name: string;
  readonly group: "property" | "class-attrs";
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly length?: number;
  readonly maxLength?: number;
  readonly enum?: readonly NvinferChoice[];
  readonly deprecated?: string;
  readonly written?: boolean;
  /** nvinfer goes on with an empty path. */
  readonly mayBeEmpty?: boolean;
  /** Absent: the key has no meaning on engine cpu. */
  readonly cpu?: CpuUse;
}

/** How engine cpu treats a key. */
export interface CpuUse {
  readonly use: "honoured" | "refused";
  /** Closer bounds than nvinfer's. */
  readonly min?: number;
  readonly max?: number;
  /** The only values that it honours, booleans as 0 and 1. */
  readonly accepts?: readonly number[];
  readonly advice?: string;
  /** It holds for raw tensors on engine deepstream too, which the sidecar decodes. */
  readonly decoding?: boolean;
}

export interface NvinferChoice {
  readonly value: number;
  readonly nick: string;
  readonly since?: string;
  readonly platforms?: readonly Platform[];
}

export interface NetworkFormat {
  readonly format: string;
  readonly keys: readonly string[];
  readonly until: string | null;
  readonly passedOver?: boolean;
  readonly code?: "caffe-gone" | "uff-gone" | "etlt-gone";
  readonly why?: string;
}

export interface FactsFile {
  readonly formats: readonly NetworkFormat[];
  readonly needed: readonly {
    readonly elements: readonly string[];
    readonly property: string;
    readonly value: string;
    readonly platform: Platform;
    readonly until: string;
    readonly code: "bufapi-version-missing";
    readonly why: string;
  }[];
  readonly instead: readonly { readonly property: string; readonly do: string }[];
  /** Elements that the catalogue has by name alone, and that not every platform and release has. */
  readonly namedElements: readonly ({
    readonly elements: readonly string[];
    readonly platforms: readonly Platform[];
  } & Span)[];
  readonly insteadOfElement: readonly { readonly element: string; readonly do: string }[];
  readonly memoryTypes: { readonly property: string } & Readonly<
    Record<Platform, readonly number[]>
  >;
  readonly trackers: {
    readonly libraries: readonly ({ readonly file: string } & Span)[];
    readonly algorithms: readonly ({ readonly name: string } & Span)[];
  };
  readonly engineFile: { readonly pattern: string; readonly precisions: readonly string[] };
  readonly memory: {
    readonly rule: string;
    readonly weightBytes: Readonly<Record<string, number>>;
    readonly fileBytesPerWeight: number;
    readonly workspaceMB: number;
    readonly runtimeMB: number;
    readonly perCameraMB: number;
    readonly systemMB: Readonly<Record<Platform, number>>;
  };
  readonly stream: {
    readonly longestKeyFrameGapSeconds: number;
    readonly frameRate: number;
    readonly encoders: readonly EncoderFacts[];
  };
  readonly baseProperties: {
    readonly every: readonly PlainPropertyRecord[];
    readonly byKind: Readonly<Record<string, readonly PlainPropertyRecord[]>>;
  };
  readonly flow: Readonly<Record<"same" | "sameMemory" | "anyFormat", readonly string[]>>;
}

export interface EncoderFacts {
  readonly element: string;
  readonly codec: string;
  readonly hardware: boolean;
  /** Empty: not known. */
  readonly gap: readonly {
    readonly property: string;
    readonly platform?: Platform;
    readonly default: number;
  }[];
  readonly bitrateUnit: "bit/s" | "kbit/s";
}
