/** Rules for a classifier, which says something of the objects that a detector finds (process-mode=2). */

import { type Problem, problem } from "../../../common/problem.js";
import {
  at,
  type Bundle,
  labelLinesOf,
  NETWORK_TYPE,
  networkTypeOf,
  numberOf,
  property,
} from "./bundle.js";
import type { Value } from "./onnx.js";

const SECONDARY = 2;

export function isClassifier(bundle: Bundle): boolean {
  return networkTypeOf(bundle) === NETWORK_TYPE.classifier;
}

/** Whether a network works on the objects of another one. */
export function worksOnObjects(bundle: Bundle): boolean {
  return numberOf(bundle, "process-mode", 1) === SECONDARY;
}

/** Whether a network says something of the objects of another one. */
export function classifiesObjects(bundle: Bundle): boolean {
  return isClassifier(bundle) && worksOnObjects(bundle);
}

/** Labels and outputs of a classifier of objects: each output has a line of labels, separated by semicolons. */
export function classifierProblems(bundle: Bundle): Problem[] {
  const network = property(bundle, "onnx-file");
  const facts = bundle.files.get(network?.value ?? "");
  if (!classifiesObjects(bundle) || facts?.t !== "onnx") return [];
  const { outputs } = facts.onnx.graph;
  const file = property(bundle, "labelfile-path");
  const lines = labelLinesOf(bundle)?.map((line) => line.split(";"));
  const problems: Problem[] = [];
  if (file === undefined) {
    const message =
      "labelfile-path is missing: no class without a label is shown; set it in [property]";
    problems.push(problem("labels-missing", bundle.file, message));
  } else if (lines !== undefined && lines.length !== outputs.length) {
    const message =
      `${file.value} has ${lines.length} lines, the classifier ${outputs.length} outputs ` +
      `(${outputs.map(({ name }) => name).join(", ")}): write the labels of each in a line, separated by ";"`;
    problems.push(problem("labels-mismatch", at(bundle, file), message));
  }
  for (const [i, output] of outputs.entries()) {
    const sizes = output.shape.slice(1).filter((size) => size !== 1);
    const classes = sizes[0] ?? (sizes.length === 0 ? 1 : undefined);
    const labels = lines?.[i]?.length;
    if (sizes.length > 1 && network !== undefined) {
      const message =
        `the output ${output.name} has the shape ${shapeOf(output)}: a classifier's has one probability for each ` +
        "class. Is it a detector? Set network-type=0 or 100";
      problems.push(problem("not-a-classifier", at(bundle, network), message));
    } else if (
      file !== undefined &&
      labels !== undefined &&
      output.shape.length > 1 &&
      classes !== undefined &&
      labels !== classes
    ) {
      const message =
        `${file.value} has ${labels} labels for the output ${output.name} of ${classes} classes: ` +
        'write one for each, separated by ";"';
      problems.push(problem("labels-mismatch", at(bundle, file), message));
    }
  }
  return problems;
}

/** Numbers of a box in a list that a network with its NMS gives. */
const ROWS = [4, 6, 7];

/** Whether a network that is given as a detector is a classifier, as far as the shapes of its outputs tell. */
export function detectorProblems(bundle: Bundle): Problem[] {
  const network = property(bundle, "onnx-file");
  const facts = bundle.files.get(network?.value ?? "");
  const { detector, other } = NETWORK_TYPE;
  const isDetector = [detector, other].some((type) => type === networkTypeOf(bundle));
  if (!isDetector || network === undefined || facts?.t !== "onnx") return [];
  const { outputs } = facts.onnx.graph;
  // Without a batch, an output may be a list of boxes.
  const isBatch = (size: number | undefined) =>
    size === 1 || (size === undefined && facts.onnx.batch === undefined);
  const isClassifying = outputs.every((one) => isClasses(one) && isBatch(one.shape[0]));
  if (outputs.length === 0 || !isClassifying) return [];
  const shown = outputs.map((one) => `${one.name} ${shapeOf(one)}`).join(", ");
  const message =
    `the outputs are ${shown}: a classifier, which finds no boxes. Set network-type=1 and process-mode=2, and name it ` +
    "behind a detector";
  return [problem("not-a-detector", at(bundle, network), message)];
}

function isClasses({ shape: [, classes, ...rest] }: Value): boolean {
  return classes !== undefined && !ROWS.includes(classes) && rest.every((size) => size === 1);
}

function shapeOf({ shape }: Value): string {
  return shape.map((size) => size ?? "n").join("x");
}

/** The parsers of nvinfer's sample library that read a classifier's outputs as nvinfer itself does. */
const SOFTMAX_PARSERS = ["NvDsInferClassiferParseCustomSoftmax"];

/** What engine cpu cannot do with a classifier. */
export function cpuClassifierProblems(bundle: Bundle): Problem[] {
  const problems: Problem[] = [];
  if (!worksOnObjects(bundle)) {
    const key = property(bundle, "network-type") ?? property(bundle, "is-classifier");
    const message =
      "a classifier of whole frames finds no objects: classify those of a detector, with process-mode=2";
    problems.push(
      problem("config-not-supported", key === undefined ? bundle.file : at(bundle, key), message),
    );
  }
  const parser = property(bundle, "parse-classifier-func-name");
  if (parser !== undefined && parser.value !== "" && !SOFTMAX_PARSERS.includes(parser.value)) {
    const message = `parse-classifier-func-name=${parser.value} is not supported by engine cpu; it reads one probability for each class`;
    problems.push(problem("config-not-supported", at(bundle, parser), message));
  }
  return problems;
}
