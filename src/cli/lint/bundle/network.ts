/** What the ONNX file itself says against the target and the number of cameras. */

import type { OnnxOperatorsFile } from "../../../common/catalogue/data.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { at, type Bundle, numberOf, property } from "./bundle.js";
import type { Network } from "./choice.js";
import { refusals } from "./operators.js";

export function networkProblems(
  bundle: Bundle,
  network: Network | undefined,
  cameras: number | undefined,
  target: Target,
): Problem[] {
  const setting = network?.setting;
  const facts = bundle.files.get(setting?.value ?? "");
  if (setting === undefined || facts?.t !== "onnx") return [];
  const { opset, batch } = facts.onnx;
  const problems: Problem[] = [];
  if (target.onnxOpset !== undefined && opset > target.onnxOpset) {
    const message =
      `${setting.value} uses ONNX operator set ${opset}, TensorRT ${target.tensorrt} of ${describeTarget(target)} ` +
      `knows up to ${target.onnxOpset}: export it with opset ${target.onnxOpset} or lower`;
    problems.push(problem("onnx-opset", at(bundle, setting), message));
  }
  if (batch === undefined) return problems;
  const wanted = property(bundle, "batch-size");
  const asked = numberOf(bundle, "batch-size", 1);
  const cure = "export it with a free first dimension";
  if (wanted !== undefined && asked > batch) {
    const message = `${setting.value} takes ${batch} at once, batch-size asks for ${asked}: ${cure}`;
    problems.push(problem("batch-above-network", at(bundle, wanted), message));
  }
  if (cameras !== undefined && cameras > batch) {
    const message = `${setting.value} takes ${batch} at once and there are ${cameras} cameras, so that the GPU works in smaller steps: ${cure}`;
    problems.push(problem("batch-below-cameras", at(bundle, setting), message));
  }
  return problems;
}

/** Before anything is sent: a build takes minutes on the board, and the parser's no comes at its begin. */
export function operatorProblems(
  bundle: Bundle,
  network: Network | undefined,
  target: Target,
  table: OnnxOperatorsFile,
): Problem[] {
  const setting = network?.setting;
  const facts = bundle.files.get(setting?.value ?? "");
  const { tensorrt } = target;
  if (setting === undefined || facts?.t !== "onnx" || tensorrt === undefined) return [];
  const hasLibrary = property(bundle, "custom-lib-path") !== undefined;
  return refusals(facts.onnx, tensorrt, table, hasLibrary).map((one) => {
    const all = one.count === 1 ? "" : `, the first of ${one.count}`;
    const message =
      `TensorRT ${tensorrt} of ${describeTarget(target)} ${one.why} ` +
      `(${setting.value}, ${one.where}${all}): ${one.cure}`;
    return problem(one.code, at(bundle, setting), message);
  });
}
