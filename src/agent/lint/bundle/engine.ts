/** The name of the engine file: does it name what nvinfer will write? */

import type { FactsFile } from "../../catalogue/data.js";
import type { Target } from "../../catalogue/targets.js";
import { type Problem, problem } from "../problem.js";
import { at, type Bundle, batchOf, networkOf, numberOf, property } from "./bundle.js";

/** What nvinfer really builds: INT8 falls back to FP16 on a board without it. */
export function precisionOn(bundle: Bundle, target: Target, facts: FactsFile): string {
  const wanted = facts.engineFile.precisions[numberOf(bundle, "network-mode", 0)] ?? "fp32";
  return wanted === "int8" && target.board?.int8 === false ? "fp16" : wanted;
}

/** cameras: the sidecar sets the batch to their number; undefined: as the file says. */
export function engineFileProblems(
  bundle: Bundle,
  cameras: number | undefined,
  precision: string,
  facts: FactsFile,
): Problem[] {
  const engine = property(bundle, "model-engine-file");
  const network = networkOf(bundle);
  if (engine === undefined || network === undefined) return [];
  const stem = lastPart(network.value);
  const asked = cameras ?? numberOf(bundle, "batch-size", 1);
  const batch = Math.min(asked, batchOf(bundle) ?? asked);
  const expected = `${stem}_b${batch}_gpu${numberOf(bundle, "gpu-id", 0)}_${precision}.engine`;
  if (lastPart(engine.value) === expected) return [];
  const message =
    `nvinfer writes ${expected} (${facts.engineFile.pattern}) and finds nothing under the name ${engine.value}: ` +
    "it builds a new engine at every start. Write that name, or remove the key";
  return [problem("engine-never-matches", at(bundle, engine), message)];
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
