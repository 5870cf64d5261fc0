/** The models on this device, by their references. */

import { type Problem, problem, quote } from "../problem.js";
import { fileOf, type SettingSources } from "./precedence.js";
import type { Model } from "./spec.js";

export interface Models {
  /**
   * Finds the bundle of `nanodet-coco`, in its newest version; of `nanodet-coco@1.2.0`; or in a directory, which has a slash
   * and may be relative to the product's own.
   */
  resolve(reference: string): Resolved;
  /** The labels of a bundle. Undefined: they cannot be read here. */
  labels(bundlePath: string): readonly string[] | undefined;
}

export type Resolved =
  | {
      readonly t: "found";
      readonly path: string;
      readonly name: string;
      /** Empty: a bundle that ships with the product, or a directory without a manifest. */
      readonly version: string;
    }
  | { readonly t: "absent"; readonly detail: string };

export type ModelResolution =
  | { readonly t: "model"; readonly model: Model; readonly name: string; readonly version: string }
  | { readonly t: "refused"; readonly problem: Problem };

/** The model of the specification. */
export function modelOf(sources: SettingSources, models: Models): ModelResolution {
  const { value, origin } = sources.setting("model");
  const resolved = models.resolve(value);
  if (resolved.t === "absent") {
    const place = { file: fileOf(origin), path: "setting" in origin ? "MODEL" : "model.bundle" };
    const message = `is ${quote(value)}: ${resolved.detail}`;
    return { t: "refused", problem: problem("wrong-setting", place, message) };
  }
  const { path, name, version } = resolved;
  const model = {
    bundlePath: sources.record("model.bundlePath", { value: path, origin }),
    interval: sources.take("model.interval", "interval"),
    threshold: sources.take("model.threshold", "threshold"),
    classes: sources.take("model.classes", "classes") ?? [],
  };
  return { t: "model", model, name, version };
}
