/** The desired state out of all sources: built-in defaults < environment < document of a file < document of the hub. */

import type { Models } from "../models/models.js";
import type { Config } from "./config.js";
import type { DocumentFault, SettingsDocument } from "./document.js";
import type { Desired } from "./spec.js";

export interface Sources {
  readonly config: Config;
  /** The hub's goes before the file's, whatever their order here. */
  readonly documents: readonly {
    readonly from: "file" | "hub";
    readonly document: SettingsDocument;
  }[];
  readonly secrets: Secrets;
  readonly models: Models;
  readonly nowMs: number;
}

/** Where a value came from. */
export type Origin =
  | { readonly t: "default"; readonly setting: string | undefined }
  | { readonly t: "environment"; readonly setting: string }
  | { readonly t: "file" }
  | { readonly t: "hub" };

/** By path in the specification: cameras[0].latencyMs, outputs[0].encoding.codec. */
export type Origins = ReadonlyMap<string, Origin>;

/** Worth a warning; the state is used all the same. */
export interface Note {
  readonly t: "secret-missing" | "output-open" | "never-on";
  readonly path: string;
  readonly message: string;
}

export type DesiredState =
  | {
      readonly t: "desired";
      readonly desired: Desired;
      readonly maintenance: NonNullable<SettingsDocument["maintenance"]>;
      readonly trial: { readonly timeMs: number };
      readonly origins: Origins;
      /** Wall-clock time at which hours next change something. */
      readonly nextChangeMs: number | undefined;
      readonly notes: readonly Note[];
    }
  | { readonly t: "refused"; readonly faults: readonly DocumentFault[] };

export function desiredState(sources: Sources): DesiredState {
  void sources;
  throw new Error("not there yet");
}

export type Secret =
  | { readonly t: "login"; readonly username: string; readonly password: string }
  | { readonly t: "value"; readonly value: string };

export interface Secrets {
  find(
    name: string,
  ):
    | { readonly t: "found"; readonly secret: Secret }
    | { readonly t: "absent"; readonly detail: string };
}
