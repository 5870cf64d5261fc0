/** Turns the agent's settings into a specification to lint. */

import { resolve } from "node:path";
import { InputError, type Problem } from "../../../common/problem.js";
import { type Config, type Environment, loadConfig } from "../../../common/settings/config.js";
import { desiredState } from "../../../common/settings/desired-state.js";
import { isDirectory } from "../../../common/settings/model-reference.js";
import { offlineModels, offlineSecrets } from "../../../common/settings/offline.js";
import type { SourcedDocument } from "../../../common/settings/precedence.js";
import type { PipelineSpec, Polygon, Target } from "../../../common/settings/spec.js";
import { readDocumentFile } from "../../settings/document-file.js";
import type { SpecReading } from "./parse.js";
import type { Output, Spec } from "./schema.js";

type SettingsReading = SpecReading & {
  readonly bundle?: string;
  readonly otherBundles?: readonly (string | undefined)[];
};

/**
 * Reads the environment, and the document that SETTINGS_FILE names. `bundle`: the directory of the first model; absent if the
 * settings name a model that a node has. `otherBundles`: those of the models behind it, undefined likewise. The problem of a wrong setting has the setting's name as its path.
 */
export async function readSettings(
  environment: Environment,
  workingDirectory: string,
): Promise<SettingsReading> {
  let config: Config;
  try {
    config = loadConfig(environment, workingDirectory);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return refused(error.problems);
  }
  const documents: SourcedDocument[] = [];
  if (config.settingsFile !== undefined) {
    const reading = await readDocumentFile(config.settingsFile);
    if (reading.t === "refused") return refused(reading.problems);
    documents.push({ from: "file", document: reading.document });
  }
  const here = { secrets: offlineSecrets, models: offlineModels, nowMs: Date.now() };
  const state = desiredState({ config, documents, ...here });
  if (state.t === "refused") return refused(state.problems);
  const { spec } = state.desired;
  const [{ bundlePath }, ...others] = spec.models;
  const bundle = isDirectory(bundlePath) ? { bundle: resolve(workingDirectory, bundlePath) } : {};
  const otherBundles = others.map((one) =>
    isDirectory(one.bundlePath) ? resolve(workingDirectory, one.bundlePath) : undefined,
  );
  return { spec: specToLint(spec), problems: [], otherBundles, ...bundle };
}

function refused(problems: readonly Problem[]): SettingsReading {
  return { spec: undefined, problems };
}

function maskToLint(points: Polygon) {
  return { points: points.map(([x, y]) => ({ x, y })) };
}

function targetToLint(target: Target): Pick<Output, "rtsp" | "file" | "window"> {
  if (target.t === "window") return { window: {} };
  const { path } = target;
  return target.t === "file" ? { file: { path } } : { rtsp: { port: target.port, path } };
}

/** The agent's own specification under the names of the contract. */
export function specToLint({ cameras, models, tracker, outputs }: PipelineSpec): Spec {
  return {
    cameras: cameras.map(({ id, uri, masks, hiding, stillIntervalMs }) => ({
      ...{ id, uri, masks: masks.map(maskToLint), still_interval: stillIntervalMs },
      ...(hiding === undefined ? {} : { hiding: { classes: hiding.classes } }),
    })),
    models: models.map(({ bundlePath, threshold, classes }) => ({
      ...{ bundle_path: bundlePath, classes },
      ...(threshold === undefined ? {} : { threshold }),
    })),
    ...(tracker === undefined ? {} : { tracker: { algorithm: tracker.toUpperCase() } }),
    outputs: outputs.map(({ id, layout, encoding, target }) => ({
      id,
      layout: layout === "per-camera" ? "PER_CAMERA" : "TILED",
      encoding: { ...encoding, frame_rate: encoding.frameRate },
      ...targetToLint(target),
    })),
  };
}
