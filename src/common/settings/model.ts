/** The model of the specification, and where its bundle lies. */

import { type Problem, problem, quote } from "../problem.js";
import type { Models } from "./models.js";
import { fileOf, type SettingSources } from "./precedence.js";
import type { Model } from "./spec.js";

export type ModelResolution =
  | { readonly t: "model"; readonly model: Model; readonly name: string; readonly version: string }
  | { readonly t: "refused"; readonly problem: Problem };

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
