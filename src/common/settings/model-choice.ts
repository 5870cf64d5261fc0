/** Which model is to detect, and where its bundle lies. */

import { type Problem, problem, quote } from "../problem.js";
import type { Models } from "./models.js";
import { type Choice, documentOf, type Sourced } from "./origin.js";
import type { Model } from "./spec.js";

export type WantedModel =
  | { readonly t: "model"; readonly model: Model; readonly name: string; readonly version: string }
  | { readonly t: "refused"; readonly problem: Problem };

export function wantedModel(choice: Choice, models: Models): WantedModel {
  const bundle = choice.inDocuments(({ model }) => model?.bundle) ?? choice.setting("model");
  const resolved = models.resolve(bundle.value);
  if (resolved.t === "absent") {
    const path = "setting" in bundle.origin ? "MODEL" : "model.bundle";
    const message = `is ${quote(bundle.value)}: ${resolved.detail}`;
    const place = { file: documentOf(bundle.origin), path };
    return { t: "refused", problem: problem("wrong-setting", place, message) };
  }
  const { path, name, version } = resolved;
  const interval = choice.inDocuments(({ model }) => model?.interval) ?? choice.setting("interval");
  const threshold =
    choice.inDocuments(({ model }) => model?.threshold) ?? choice.setting("threshold");
  const classes: Sourced<readonly string[] | undefined> =
    choice.inDocuments(({ model }) => model?.classes) ?? choice.setting("classes");
  const model = {
    bundlePath: choice.keep("model.bundlePath", { value: path, origin: bundle.origin }),
    interval: choice.keep("model.interval", interval),
    threshold: choice.keep("model.threshold", threshold),
    classes: choice.keep("model.classes", classes) ?? [],
  };
  return { t: "model", model, name, version };
}
