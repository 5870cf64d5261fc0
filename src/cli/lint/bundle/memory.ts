/** Does the network fit into the board's memory? The rule and its numbers stand in release-facts.json. */

import type { FactsFile } from "../../../common/catalogue/data.js";
import type { Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { at, type Bundle, numberOf } from "./bundle.js";
import type { Network } from "./choice.js";

const MB = 1024 * 1024;

export function memoryProblems(
  bundle: Bundle,
  network: Network | undefined,
  cameras: number,
  precision: string,
  target: Target,
  facts: FactsFile,
): Problem[] {
  const file = bundle.files.get(network?.setting.value ?? "");
  const { board } = target;
  if (board === undefined || network === undefined || file === undefined) return [];
  if (file.t !== "onnx" && file.t !== "present") return [];
  const rule = facts.memory;
  const weightBytes = file.t === "onnx" ? file.onnx.weightBytes : file.bytes;
  const engineMB =
    (weightBytes / rule.fileBytesPerWeight / MB) * (rule.weightBytes[precision] ?? 4);
  // 0 and absent: nvinfer's own size.
  const workspaceMB = numberOf(bundle, "workspace-size", 0) || rule.workspaceMB;
  const parts = {
    "as read": file.bytes / MB,
    [`as ${precision} engine`]: engineMB * (board.sharedMemory ? 2 : 1),
    workspace: workspaceMB,
    "CUDA and TensorRT": rule.runtimeMB,
    pictures: cameras * rule.perCameraMB,
  };
  const needed = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const available = board.memoryMB - rule.systemMB[target.platform];
  if (needed <= available) return [];
  const sum = Object.entries(parts)
    .map(([name, part]) => `${Math.ceil(part)} ${name}`)
    .join(" + ");
  const message =
    `${network.setting.value} needs about ${Math.ceil(needed)} MB (${sum}), ${board.name} has ${available} MB for it: ` +
    "use a smaller network, a lower precision or less workspace-size";
  return [problem("model-too-large", at(bundle, network.setting), message)];
}
