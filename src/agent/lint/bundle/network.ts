/** What the ONNX file itself says against the target and the number of cameras. */

import { describeTarget, type Target } from "../../catalogue/targets.js";
import { type Problem, problem } from "../problem.js";
import { at, type Bundle, numberOf, property } from "./bundle.js";
import type { Network } from "./choice.js";

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
