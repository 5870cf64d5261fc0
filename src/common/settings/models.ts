/** The models on this device, by their references. */

import { type Problem, problem, quote } from "../problem.js";
import type { SettingsDocument } from "./document/schema.js";
import { fileOf, type SettingSources } from "./precedence.js";
import type { Model, PipelineSpec } from "./spec.js";

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

export type ModelsResolution =
  | {
      readonly t: "models";
      readonly models: PipelineSpec["models"];
      /** In the same order. */
      readonly names: readonly ModelName[];
    }
  | { readonly t: "refused"; readonly problems: readonly Problem[] };

export interface ModelName {
  readonly name: string;
  /** Empty: a bundle that ships with the product, or a directory without a manifest. */
  readonly version: string;
}

/** Settings of a model that works on the objects of the first. */
type SecondaryModel = NonNullable<SettingsDocument["secondaryModels"]>[number];

/** The models of the specification. `pinned`: bundles that take the place of those that the settings name. */
export function modelsOf(
  sources: SettingSources,
  models: Models,
  pinned: readonly string[],
): ModelsResolution {
  const first = sources.setting("model");
  const others = sources.setting("secondaryModels");
  const named: (SecondaryModel | string)[] = [...(others.value ?? [])];
  const references = [first.value, ...named.map((one) => (isText(one) ? one : one.bundle))];
  const found = references.map((reference, i) => models.resolve(pinned[i] ?? reference));
  const problems = references.flatMap((reference, i) => {
    const resolved = found[i];
    if (resolved?.t !== "absent") return [];
    const { origin } = i === 0 ? first : others;
    const [variable, field] =
      i === 0
        ? ["MODEL", "model.bundle"]
        : ["SECONDARY_MODELS", `secondaryModels[${i - 1}].bundle`];
    const place = { file: fileOf(origin), path: "setting" in origin ? variable : field };
    const message = `is ${quote(reference)}: ${resolved.detail}`;
    return [problem("wrong-setting", place, message)];
  });
  const [one, ...rest] = found.flatMap((resolved) => (resolved.t === "found" ? [resolved] : []));
  if (problems.length > 0 || one === undefined) return { t: "refused", problems };
  return {
    t: "models",
    models: [
      {
        bundlePath: sources.record("models[0].bundlePath", { ...first, value: one.path }),
        interval: sources.take("models[0].interval", "interval"),
        threshold: sources.take("models[0].threshold", "threshold"),
        classes: sources.take("models[0].classes", "classes") ?? [],
      },
      ...rest.map(({ path }, i): Model => {
        const options = named[i];
        const {
          interval,
          threshold,
          classes = [],
        } = options === undefined || isText(options) ? {} : options;
        sources.record(`models[${i + 1}]`, others);
        return { bundlePath: path, interval, threshold, classes };
      }),
    ],
    names: [one, ...rest].map(({ name, version }) => ({ name, version })),
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
