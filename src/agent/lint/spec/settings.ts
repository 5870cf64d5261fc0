/** The agent's settings as a specification to lint. */

import { ConfigError, describeFault, type Environment, loadConfig } from "../../desired/config.js";
import { desiredFrom, type PipelineSpec, type Polygon } from "../../desired/spec.js";
import { problem } from "../problem.js";
import type { SpecReading } from "./read.js";
import type { Spec } from "./spec.js";

/** bundle: the directory that the settings name. A wrong setting is a problem under its own name. */
export function readSettings(
  environment: Environment,
  workingDirectory: string,
): SpecReading & { readonly bundle?: string } {
  try {
    const { spec } = desiredFrom(loadConfig(environment, workingDirectory));
    return { spec: specToLint(spec), bundle: spec.model.bundlePath, problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.faults.map((fault) =>
      problem("wrong-setting", fault.setting, describeFault(fault)),
    );
    return { spec: undefined, problems };
  }
}

function maskToLint(points: Polygon) {
  return { points: points.map(([x, y]) => ({ x, y })) };
}

/** The agent's own specification in the words of the contract. */
export function specToLint({ cameras, model, outputs }: PipelineSpec): Spec {
  const { bundlePath, threshold, classes } = model;
  return {
    cameras: cameras.map(({ id, uri, masks }) => ({ id, uri, masks: masks.map(maskToLint) })),
    model: { bundle_path: bundlePath, classes, ...(threshold === undefined ? {} : { threshold }) },
    outputs: outputs.map(({ id, layout, encoding, target }) => ({
      id,
      layout: layout === "per-camera" ? "PER_CAMERA" : "TILED",
      encoding: { ...encoding, frame_rate: encoding.frameRate },
      ...(target.t === "rtsp"
        ? { rtsp: { port: target.port, path: target.path } }
        : { file: { path: target.path } }),
    })),
  };
}
