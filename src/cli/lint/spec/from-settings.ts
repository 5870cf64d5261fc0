/** The agent's settings as a specification to lint. */

import { resolve } from "node:path";
import { problem } from "../../../common/problems/problem.js";
import {
  type Config,
  ConfigError,
  describeFault,
  type Environment,
  loadConfig,
} from "../../../common/settings/config.js";
import { desiredState } from "../../../common/settings/desired-state.js";
import {
  type DocumentFault,
  describeDocumentFault,
} from "../../../common/settings/document-fault.js";
import { isDirectory } from "../../../common/settings/model-reference.js";
import { deskModels, deskSecrets } from "../../../common/settings/offline.js";
import type { SourcedDocument } from "../../../common/settings/origin.js";
import type { PipelineSpec, Polygon, Target } from "../../../common/settings/spec.js";
import { readDocumentFile } from "../../settings/document-file.js";
import type { SpecReading } from "./parse.js";
import type { Output, Spec } from "./schema.js";

type SettingsReading = SpecReading & { readonly bundle?: string };

/**
 * The environment, and the document that SETTINGS_FILE names. `bundle`: the directory of the model; absent where it
 * is named as one of the node's. A wrong setting is a problem under its own name.
 */
export async function readSettings(
  environment: Environment,
  workingDirectory: string,
): Promise<SettingsReading> {
  let config: Config;
  try {
    config = loadConfig(environment, workingDirectory);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return refused(error.faults.map((fault) => [fault.setting, describeFault(fault)]));
  }
  const documents: SourcedDocument[] = [];
  if (config.settingsFile !== undefined) {
    const reading = await readDocumentFile(config.settingsFile);
    if (reading.t === "refused") return refused(reading.faults.map(settingAndFault));
    documents.push({ from: "file", document: reading.document });
  }
  const here = { secrets: deskSecrets, models: deskModels, nowMs: Date.now() };
  const state = desiredState({ config, documents, ...here });
  if (state.t === "refused") return refused(state.faults.map(settingAndFault));
  const { spec } = state.desired;
  const { bundlePath } = spec.model;
  const bundle = isDirectory(bundlePath) ? { bundle: resolve(workingDirectory, bundlePath) } : {};
  return { spec: specToLint(spec), problems: [], ...bundle };
}

/** Each with where it is and what is wrong. */
function refused(faults: readonly (readonly [string, string])[]): SettingsReading {
  const problems = faults.map(([path, message]) => problem("wrong-setting", path, message));
  return { spec: undefined, problems };
}

function settingAndFault(fault: DocumentFault): readonly [string, string] {
  return [fault.path === "" ? fault.document : fault.path, describeDocumentFault(fault)];
}

function maskToLint(points: Polygon) {
  return { points: points.map(([x, y]) => ({ x, y })) };
}

function targetToLint(target: Target): Pick<Output, "rtsp" | "file" | "window"> {
  if (target.t === "window") return { window: {} };
  const { path } = target;
  return target.t === "file" ? { file: { path } } : { rtsp: { port: target.port, path } };
}

/** The agent's own specification in the words of the contract. */
export function specToLint({ cameras, model, tracker, outputs }: PipelineSpec): Spec {
  const { bundlePath, threshold, classes } = model;
  return {
    cameras: cameras.map(({ id, uri, masks }) => ({ id, uri, masks: masks.map(maskToLint) })),
    model: { bundle_path: bundlePath, classes, ...(threshold === undefined ? {} : { threshold }) },
    ...(tracker === undefined ? {} : { tracker: { algorithm: tracker.toUpperCase() } }),
    outputs: outputs.map(({ id, layout, encoding, target }) => ({
      id,
      layout: layout === "per-camera" ? "PER_CAMERA" : "TILED",
      encoding: { ...encoding, frame_rate: encoding.frameRate },
      ...targetToLint(target),
    })),
  };
}
