/** The name of the engine file: does it name what nvinfer will write? */

import { posix } from "node:path";
import type { FactsFile } from "../../../common/catalogue/data.js";
import type { Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { at, type Bundle, numberOf, property } from "./bundle.js";
import { batchOf, type Network } from "./choice.js";

/** What nvinfer really builds: INT8 falls back to FP16 on a board without it. */
export function precisionOn(bundle: Bundle, target: Target, facts: FactsFile): string {
  const wanted = facts.engineFile.precisions[numberOf(bundle, "network-mode", 0)] ?? "fp32";
  return wanted === "int8" && target.board?.int8 === false ? "fp16" : wanted;
}

/** cameras: the sidecar sets the batch to their number; undefined: as the file says. */
export function engineFileProblems(
  bundle: Bundle,
  network: Network | undefined,
  cameras: number | undefined,
  precision: string,
  facts: FactsFile,
): Problem[] {
  const engine = property(bundle, "model-engine-file");
  // An engine that a library makes is named by the working directory, which is not known here.
  const isMade = property(bundle, "engine-create-func-name") !== undefined;
  if (engine === undefined || network === undefined || isMade) return [];
  const asked = cameras ?? numberOf(bundle, "batch-size", 1);
  const batch = Math.min(asked, batchOf(bundle, network) ?? asked);
  const expected = `${network.setting.value}_b${batch}_${deviceOf(bundle)}_${precision}.engine`;
  if (posix.normalize(engine.value) === posix.normalize(expected)) return [];
  const message =
    `nvinfer writes ${expected} (${facts.engineFile.pattern}) and finds nothing under the name ${engine.value}, ` +
    "so that it builds a new engine at every start: write that name, or remove the key";
  return [problem("engine-never-matches", at(bundle, engine), message)];
}

function deviceOf(bundle: Bundle): string {
  const usesDla = /^(1|true)$/.test(property(bundle, "enable-dla")?.value ?? "");
  const core = numberOf(bundle, "use-dla-core", 0);
  return usesDla && core >= 0 ? `dla${core}` : `gpu${numberOf(bundle, "gpu-id", 0)}`;
}
