/**
 * A PipelineSpec as the linter reads it: the contract's fields by the contract's names. What was absent or unreadable is
 * absent here; enumerations are their values without the prefix, durations are milliseconds.
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

export interface Encoding {
  readonly codec?: string;
  readonly width?: number;
  readonly height?: number;
  readonly bitrate?: number;
  readonly frame_rate?: number;
}
