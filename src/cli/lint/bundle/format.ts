/** The network's format and precision: can TensorRT of this release, and the board's GPU, do them? */

import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { at, type Bundle, numberOf, property } from "./bundle.js";
import type { Network } from "./choice.js";

const INT8 = 1;

export function formatProblems(
  bundle: Bundle,
  network: Network | undefined,
  target: Target,
): Problem[] {
  if (network === undefined) {
    const isMade = ["model-engine-file", "engine-create-func-name"].some(
      (key) => property(bundle, key) !== undefined,
    );
    const message = "it names no network: give onnx-file=FILE in [property]";
    return isMade ? [] : [problem("missing-key", bundle.file, message)];
  }
  const { format, setting, isGone } = network;
  if (!isGone || format.code === undefined) return [];
  const message =
    `${setting.value} is a network in ${format.format} format, which ended with DeepStream ${format.until}: ` +
    `${format.why}. For ${describeTarget(target)} export it as ONNX and name that in onnx-file`;
  return [problem(format.code, at(bundle, setting), message)];
}

export function precisionProblems(bundle: Bundle, target: Target): Problem[] {
  const mode = property(bundle, "network-mode");
  if (mode === undefined || numberOf(bundle, "network-mode", 0) !== INT8) return [];
  const path = at(bundle, mode);
  if (target.board?.int8 === false) {
    const message = `${target.board.name} has no INT8: nvinfer builds an FP16 engine instead; write network-mode=2`;
    return [problem("int8-unsupported", path, message)];
  }
  if (property(bundle, "int8-calib-file") === undefined) {
    const message =
      "INT8 without int8-calib-file: TensorRT guesses the ranges unless the network holds them; use network-mode=2 (FP16)";
    return [problem("int8-uncalibrated", path, message)];
  }
  return [];
}
