/** Tells the family of a network from its inputs, outputs and metadata. Pure. */

import { frameInputs, type Graph, type OnnxFacts, type Value } from "../../lint/bundle/onnx.js";

/** What a network says about itself, and how many labels there are. */
export interface Subject {
  readonly network: OnnxFacts;
  readonly classes: number;
  /** Of the frame that the network takes. */
  readonly width: number;
  readonly height: number;
}

export type Finding =
  | { readonly t: "family"; readonly id: string; readonly why: string }
  /** Several families have such outputs. */
  | { readonly t: "several"; readonly ids: readonly string[]; readonly why: string }
  /** It cannot be used: what was found, and what was expected. */
  | { readonly t: "refused"; readonly why: string };

/** A table of an output without the batch; undefined: any number. */
interface Table {
  readonly name: string;
  readonly sizes: readonly [number | undefined, number | undefined];
  /** The output has no batch in front. */
  readonly batchless: boolean;
}

const MOST_OUTPUTS = 8;
const THREE = [8, 16, 32];
const FOUR = [8, 16, 32, 64];

export function findFamily(subject: Subject): Finding {
  const { network, classes } = subject;
  const { outputs } = network.graph;
  const metadata = metadataFinding(subject);
  if (metadata !== undefined) return metadata;
  const found = byNames(subject) ?? byShapes(subject, classes);
  if (found !== undefined) return found;
  if (outputs.length > MOST_OUTPUTS) {
    const why = `it has ${outputs.length} outputs (${describeOutputs(outputs)}); a detector has one to ${MOST_OUTPUTS}: export it with its decoding, or cut it at its heads`;
    return { t: "refused", why };
  }
  if (outputs.every(({ shape }) => shape.slice(2).every((size) => size === 1))) {
    const why = `its outputs are ${describeOutputs(outputs)}: a classifier, which finds no boxes; a detector has boxes and scores`;
    return { t: "refused", why };
  }
  const masks = outputs.find(({ shape }) => shape.length === 4);
  if (masks !== undefined) {
    const why = `its output ${describeOutputs([masks])} is a picture: a network for segmentation or raw heads; a detector has boxes and scores (${describeOutputs(outputs)})`;
    return { t: "refused", why };
  }
  for (const other of impliedClasses(subject)) {
    if (other !== classes && byShapes(subject, other) !== undefined) {
      const why = `its outputs (${describeOutputs(outputs)}) are those of ${other} classes, and there are ${classes} labels`;
      return { t: "refused", why };
    }
  }
  const why = `its outputs (${describeOutputs(outputs)}) are those of no known family for ${classes} classes: is the number of labels right? --family names one`;
  return { t: "refused", why };
}

/** Ultralytics writes what its networks are. */
function metadataFinding({ network, classes }: Subject): Finding | undefined {
  const task = network.metadata.get("task");
  if (task !== undefined && task !== "detect") {
    const why = `its metadata says task=${task}; only detectors (task=detect) find boxes that can be shown`;
    return { t: "refused", why };
  }
  const names = namesOf(network);
  if (names === undefined || names.length === classes) return undefined;
  const why = `its metadata names ${names.length} classes (${names.slice(0, 3).join(", ")}...), and there are ${classes} labels`;
  return { t: "refused", why };
}

/** The labels that Ultralytics writes, as a dictionary or a list of Python. */
export function namesOf({ metadata }: OnnxFacts): readonly string[] | undefined {
  const text = metadata.get("names") ?? "";
  const entries = [...text.matchAll(/(?:'((?:[^'\\]|\\.)*)'|"([^"]*)")/g)];
  return entries.length === 0 ? undefined : entries.map(([, one, other]) => one ?? other ?? "");
}

function byNames(subject: Subject): Finding | undefined {
  const { graph } = subject.network;
  const names = graph.outputs.map(({ name }) => name.toLowerCase());
  const has = (...parts: string[]) =>
    parts.every((part) => names.some((name) => name.includes(part)));
  const found = (id: string, what: string): Finding => ({
    t: "family",
    id,
    why: `its outputs are ${what}`,
  });
  if (has("pred_boxes", "logits")) return found("detr", "pred_boxes and logits");
  if (names.includes("dets") && names.includes("labels") && isTable(graph, "labels"))
    return found("rf-detr", "dets and a table of labels, as RF-DETR's");
  if (has("bbox", "cov")) return found("detectnet", "bbox and cov");
  const inputs = frameInputs(graph).map(({ name }) => name);
  if (has("det_boxes", "det_scores", "det_classes", "num_dets"))
    return found("efficient-nms", "num_dets, det_boxes, det_scores and det_classes");
  if (has("pred_boxes", "pred_scores", "pred_classes"))
    return found("efficient-nms", "those of YOLO-NAS in the batch format");
  if (has("detection_boxes", "detection_scores", "detection_classes")) {
    if (graph.nodes.some(({ operator }) => operator.startsWith("EfficientNMS")))
      return found("efficient-nms", "those of its EfficientNMS node");
    if (graph.inputs[0]?.shape.at(-1) === 3)
      return found("tensorflow", "detection_boxes and so on, and its input has the channels last");
    const why =
      "its outputs are detection_boxes and so on, which TensorFlow and TensorRT's EfficientNMS write with different corners";
    return { t: "several", ids: ["tensorflow", "efficient-nms"], why };
  }
  if (has("boxes", "scores", "labels")) {
    if (inputs.includes("orig_target_sizes"))
      return found("detr-lists", "labels, boxes and scores, and it has an input orig_target_sizes");
    const boxes = graph.outputs.find(({ name }) => name.toLowerCase().includes("boxes"));
    return boxes?.shape.length === 2
      ? found("torchvision", "boxes, labels and scores without a batch")
      : found("detr-lists", "labels, boxes and scores with a batch");
  }
  if (inputs.includes("scale_factor") && tablesOf(graph).some(({ sizes }) => sizes[1] === 6))
    return found("paddle-rows", "rows of six, and it has an input scale_factor");
  return undefined;
}

function byShapes(subject: Subject, classes: number): Finding | undefined {
  const { network, width, height } = subject;
  const tables = tablesOf(network.graph);
  const three = cells(width, height, THREE);
  const four = cells(width, height, FOUR);
  const all: Finding[] = [];
  const found = (id: string, why: string) => all.push({ t: "family", id, why });
  const picodet = FOUR.map((stride) => cells(width, height, [stride]));
  if (picodet.every((count) => tables.filter((one) => rowsIf(one, count)).length === 2)) {
    found("picodet", `two tables for each of its four grids (${picodet.join(", ")} cells)`);
  }
  if (all.length === 0 && tables.length === 2) {
    const boxes = tables.find(({ sizes }) => sizes.includes(4));
    const scores = tables.find((one) => one !== boxes && one.sizes.includes(classes));
    if (boxes !== undefined && scores !== undefined) {
      const id = scores.sizes[0] === classes ? "paddle" : "yolo-nas";
      found(id, `a table of boxes and one of ${classes} scores (${scores.sizes.join(" x ")})`);
    }
  }
  for (const table of all.length === 0 ? tables : []) {
    const shape = table.sizes.map((size) => size ?? "n").join(" x ");
    for (const [rows, columns] of [table.sizes, [table.sizes[1], table.sizes[0]]] as const) {
      if (columns === undefined) continue;
      const isGrid = rows === undefined || rows === three || rows === four;
      const isAnchors = rows === undefined || rows === 3 * three || rows === 3 * four;
      const what = `${table.name} is ${shape}`;
      const bins = columns - classes;
      if ((rows === three || rows === four) && (bins === 32 || bins === 44)) {
        const id = rows === four ? "nanodet-plus" : "nanodet";
        found(id, `${what}: ${classes} classes and four distributions for each cell`);
      }
      if (columns === 5 + classes && isAnchors)
        found("yolov5", `${what}: 5 + ${classes} columns, three boxes for each cell`);
      if (columns === 5 + classes && isGrid) {
        const isRaw = isRawTail(network.graph, table.name);
        const tail = isRaw
          ? "nothing is computed behind its last layers"
          : "boxes are computed behind its last layers";
        found(
          isRaw ? "yolox" : "yolox-decoded",
          `${what}: 5 + ${classes} columns for each cell, and ${tail}`,
        );
      }
      if (columns === 4 + classes && isGrid)
        found("yolov8", `${what}: 4 + ${classes} columns for each cell`);
      if (columns === 4 + classes && rows !== undefined && !isGrid && !isAnchors)
        found(
          "detr-table",
          `${what}: 4 + ${classes} columns, and ${rows} is no number of cells of ${width}x${height}`,
        );
      if (columns === 6 && !table.batchless && !isGrid && !isAnchors)
        found("yolov10", `${what}: rows of box, score and class, already suppressed`);
      if (
        columns === 6 &&
        rows !== undefined &&
        (isGrid || isAnchors) &&
        namesClasses(network.graph)
      )
        found("deepstream-yolo", `${what}: rows of box, score and class, one for each cell`);
      if (columns === 7 && table.batchless) {
        found("yolov7-rows", `${what}: rows of frame, box, class and score`);
        found("yolo-nas-rows", `${what}: rows of frame, box, score and class`);
      }
    }
  }
  const unique = new Map(all.map((one) => [one.t === "family" ? one.id : "", one]));
  if (unique.size < 2) return unique.values().next().value;
  const whys = [...unique.values()].map(({ why }) => why);
  return { t: "several", ids: [...unique.keys()], why: whys.join("; or ") };
}

/** Class counts that tables would have in the forms that count classes in columns. */
function impliedClasses({ network, width, height }: Subject): readonly number[] {
  const grids = [cells(width, height, THREE), cells(width, height, FOUR)];
  const counts = [...grids, ...grids.map((count) => 3 * count)];
  return tablesOf(network.graph).flatMap(({ sizes }) => {
    const [rows, columns] = counts.includes(sizes[0] ?? 0) ? sizes : [sizes[1], sizes[0]];
    if (columns === undefined || !counts.includes(rows ?? 0)) return [];
    const anchors = grids.some((count) => 3 * count === rows);
    return (
      anchors ? [columns - 5] : [columns - 4, columns - 5, columns - 32, columns - 44]
    ).filter((count) => count > 0);
  });
}

function tablesOf(graph: Graph): readonly Table[] {
  const batch = frameInputs(graph)[0]?.batchName ?? "";
  return graph.outputs.flatMap(({ name, shape, batchName }): Table[] => {
    // What has the batch in front is a list.
    if (shape.length === 2 && (shape[0] === 1 || (batch !== "" && batch === batchName))) return [];
    if (shape.length === 2) return [{ name, sizes: [shape[0], shape[1]], batchless: true }];
    const isTable = shape.length === 3 && (shape[0] === undefined || shape[0] === 1);
    return isTable ? [{ name, sizes: [shape[1], shape[2]], batchless: false }] : [];
  });
}

function isTable({ outputs }: Graph, name: string): boolean {
  return outputs.find((one) => one.name === name)?.shape.length === 3;
}

function rowsIf({ sizes }: Table, count: number): boolean {
  return sizes.includes(count);
}

const REARRANGING = ["Concat", "Reshape", "Transpose", "Flatten", "Sigmoid", "Cast", "Identity"];

/** Whether an output is made of convolutions' results by nothing but rearranging and Sigmoid. */
function isRawTail({ nodes }: Graph, output: string): boolean {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const seen = new Set<string>();
  const isRaw = (name: string): boolean => {
    const node = makers.get(name);
    if (node === undefined || node.operator === "Conv" || seen.has(name)) return true;
    seen.add(name);
    const data = node.operator === "Concat" ? node.inputs : node.inputs.slice(0, 1);
    return REARRANGING.includes(node.operator) && data.every(isRaw);
  };
  return isRaw(output);
}

/** Whether something in the network chooses the best of several. */
function namesClasses({ nodes }: Graph): boolean {
  return nodes.some(({ operator }) => operator === "ArgMax" || operator === "TopK");
}

function cells(width: number, height: number, strides: readonly number[]): number {
  return strides.reduce(
    (sum, stride) => sum + Math.ceil(width / stride) * Math.ceil(height / stride),
    0,
  );
}

export function describeOutputs(outputs: readonly Value[]): string {
  const shown = outputs.slice(0, MOST_OUTPUTS).map(({ name, shape }) => {
    return `${name} ${shape.map((size) => size ?? "n").join("x") || "1"}`;
  });
  return `${shown.join(", ")}${outputs.length > MOST_OUTPUTS ? ", ..." : ""}`;
}
