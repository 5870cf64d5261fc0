import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Node, OnnxFacts, Value } from "../../lint/bundle/onnx.js";
import { findFamily } from "./family.js";

type Shapes = Readonly<Record<string, readonly (number | undefined)[]>>;

const FRAME: Shapes = { images: [1, 3, 640, 640] };

interface Network {
  readonly outputs: Shapes;
  readonly inputs?: Shapes;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Operators, each fed by the one before; the first by a Conv, the last gives the first output. */
  readonly tail?: readonly string[];
}

function values(shapes: Shapes): Value[] {
  return Object.entries(shapes).map(([name, shape]) => {
    // As most exporters do; what is any number but no batch has another name.
    const batchName = shape[0] !== undefined ? "" : shape.length > 2 ? "batch" : "found";
    return { name, type: 1, shape, batchName };
  });
}

function facts({ outputs, inputs = FRAME, metadata = {}, tail = ["Concat"] }: Network): OnnxFacts {
  const [first = ""] = Object.keys(outputs);
  const nodes = ["Conv", ...tail].map(
    (operator, i): Node => ({
      operator,
      name: "",
      inputs: [i === 0 ? "images" : `x${i}`],
      outputs: [i === tail.length ? first : `x${i + 1}`],
      attributes: new Map(),
    }),
  );
  const graph = {
    nodes,
    initializers: [],
    inputs: values(inputs),
    outputs: values(outputs),
    weightBytes: 0,
  };
  return {
    opset: 13,
    graph,
    functions: [],
    external: [],
    weightBytes: 0,
    batch: 1,
    metadata: new Map(Object.entries(metadata)),
  };
}

function find(network: Network, classes = 80) {
  const [frame = []] = Object.values(network.inputs ?? FRAME);
  const [height = 640, width = 640] = frame.at(-1) === 3 ? frame.slice(-3) : frame.slice(-2);
  return findFamily({ network: facts(network), classes, width, height });
}

const LISTS = {
  detection_boxes: [1, 100, 4],
  detection_scores: [1, 100],
  detection_classes: [1, 100],
  num_detections: [1],
};

const FAMILIES: readonly (readonly [string, string, Network, number?])[] = [
  ["YOLOv5", "yolov5", { outputs: { output: [1, 25200, 85] } }],
  ["YOLOv5 of one class", "yolov5", { outputs: { output: [1, 25200, 6] } }, 1],
  [
    "YOLOv5 with its heads",
    "yolov5",
    { outputs: { output: [1, 25200, 85], a: [1, 3, 80, 80, 85] } },
  ],
  ["YOLO11", "yolov8", { outputs: { output0: [1, 84, 8400] } }],
  ["YOLO11 on its side", "yolov8", { outputs: { output0: [1, 8400, 84] } }],
  ["YOLO11 of three classes", "yolov8", { outputs: { output0: [1, 7, 8400] } }, 3],
  ["YOLO11 with any batch", "yolov8", { outputs: { output0: [undefined, 84, 8400] } }],
  [
    "YOLO11 for another size",
    "yolov8",
    { inputs: { images: [1, 3, 384, 640] }, outputs: { output0: [1, 84, 5040] } },
  ],
  ["YOLO26", "yolov10", { outputs: { output0: [1, 300, 6] } }],
  [
    "DeepStream-Yolo",
    "deepstream-yolo",
    { outputs: { output: [1, 8400, 6] }, tail: ["ArgMax", "Concat"] },
  ],
  [
    "YOLOX",
    "yolox",
    { outputs: { output: [1, 8400, 85] }, tail: ["Sigmoid", "Concat", "Transpose"] },
  ],
  ["YOLOX of one class", "yolox", { outputs: { output: [1, 8400, 6] } }, 1],
  [
    "YOLOX, decoded",
    "yolox-decoded",
    { outputs: { output: [1, 8400, 85] }, tail: ["Exp", "Mul", "Concat"] },
  ],
  ["YOLO-NAS", "yolo-nas", { outputs: { "913": [1, 8400, 4], "904": [1, 8400, 80] } }],
  [
    "YOLO-NAS in the batch format",
    "efficient-nms",
    {
      outputs: {
        graph2_num_predictions: [1, 1],
        graph2_pred_boxes: [1, 1000, 4],
        graph2_pred_scores: [1, 1000],
        graph2_pred_classes: [1, 1000],
      },
    },
  ],
  [
    "RT-DETR of Hugging Face",
    "detr",
    { outputs: { logits: [1, 300, 80], pred_boxes: [1, 300, 4] } },
  ],
  ["RF-DETR", "rf-detr", { outputs: { dets: [1, 300, 4], labels: [1, 300, 91] } }, 90],
  ["RT-DETR of Ultralytics", "detr-table", { outputs: { output0: [1, 300, 84] } }],
  [
    "RT-DETR",
    "detr-lists",
    {
      inputs: { images: [1, 3, 640, 640], orig_target_sizes: [1, 2] },
      outputs: { labels: [1, 300], boxes: [1, 300, 4], scores: [1, 300] },
    },
  ],
  [
    "torchvision",
    "torchvision",
    { outputs: { boxes: [undefined, 4], labels: [undefined], scores: [undefined] } },
  ],
  ["TensorFlow", "tensorflow", { inputs: { image: [1, 300, 300, 3] }, outputs: LISTS }],
  ["a plugin of TensorRT", "efficient-nms", { outputs: LISTS, tail: ["EfficientNMS_TRT"] }],
  [
    "PicoDet",
    "picodet",
    {
      inputs: { image: [1, 3, 320, 320] },
      outputs: Object.fromEntries(
        [1600, 400, 100, 25].flatMap((count, i) => [
          [`s${i}`, [1, count, 80]],
          [`d${i}`, [1, count, 32]],
        ]),
      ),
    },
  ],
  ["PP-YOLOE", "paddle", { outputs: { a: [1, 8400, 4], b: [1, 80, 8400] } }],
  [
    "PP-YOLOE with its NMS",
    "paddle-rows",
    {
      inputs: { image: [1, 3, 640, 640], scale_factor: [1, 2] },
      outputs: { rows: [undefined, 6], count: [1] },
    },
  ],
  [
    "NanoDet",
    "nanodet",
    { inputs: { data: [1, 3, 416, 416] }, outputs: { output: [1, 3549, 124] } },
  ],
  [
    "NanoDet-Plus",
    "nanodet-plus",
    { inputs: { data: [1, 3, 320, 320] }, outputs: { output: [1, 2125, 112] } },
  ],
  [
    "TrafficCamNet",
    "detectnet",
    {
      inputs: { input_1: [undefined, 3, 544, 960] },
      outputs: {
        "output_cov/Sigmoid": [undefined, 4, 34, 60],
        "output_bbox/BiasAdd": [undefined, 16, 34, 60],
      },
    },
    4,
  ],
];

describe("the family of a network", () => {
  for (const [name, id, network, classes] of FAMILIES) {
    it(`is told with its reason: ${name}`, () => {
      const found = find(network, classes);
      assert.equal(found.t === "family" ? found.id : found.why, id);
      assert.notEqual(found.why, "");
    });
  }

  it("is asked for where several have the same outputs", () => {
    const rows = find({ outputs: { output: [undefined, 7] } });
    assert.deepEqual(rows.t === "several" && rows.ids, ["yolov7-rows", "yolo-nas-rows"]);
    const lists = find({ outputs: LISTS });
    assert.deepEqual(lists.t === "several" && lists.ids, ["tensorflow", "efficient-nms"]);
    const cells = find({ outputs: { output: [1, 8400, 6] }, tail: ["ArgMax", "Mul", "Concat"] }, 1);
    assert.deepEqual(cells.t === "several" && cells.ids, ["yolox-decoded", "deepstream-yolo"]);
  });

  it("is refused with what was found and what was expected", () => {
    const refused: readonly (readonly [Network, RegExp, number?])[] = [
      [{ outputs: { logits: [1, 1000] } }, /logits 1x1000: a classifier/],
      [{ outputs: { logits: [1, 1000, 1, 1] } }, /logits 1x1000x1x1: a classifier/],
      [{ outputs: { logits: [1, 7] } }, /logits 1x7: a classifier/, 7],
      [{ outputs: { logits: [1, 84] } }, /logits 1x84: a classifier/],
      [{ outputs: { age: [1, 1], gender: [1, 2] } }, /age 1x1, gender 1x2: a classifier/, 2],
      [
        { outputs: { output0: [1, 116, 8400], output1: [1, 32, 160, 160] } },
        /output1 1x32x160x160 is a picture: a network for segmentation/,
      ],
      [
        { outputs: Object.fromEntries([...Array(10)].map((_, i) => [`o${i}`, [1, 255, 80, 80]])) },
        /it has 10 outputs .* a detector has one to 8/,
      ],
      [{ outputs: { output0: [1, 84, 8400] } }, /those of 80 classes, and there are 3 labels/, 3],
      [{ outputs: { output: [1, 25200, 85] } }, /those of 80 classes, and there are 91 labels/, 91],
      [
        { outputs: { output0: [1, 116, 8400] }, metadata: { task: "segment" } },
        /task=segment; only detectors/,
      ],
      [
        {
          outputs: { output0: [1, 84, 8400] },
          metadata: { names: "{0: 'person', 1: \"rider's bike\"}" },
        },
        /its metadata names 2 classes \(person, rider's bike\.\.\.\), and there are 80 labels/,
      ],
      [{ outputs: { x: [1, 17, 13] } }, /no known family for 80 classes.* --family/],
    ];
    for (const [network, why, classes] of refused) {
      const found = find(network, classes);
      assert.equal(found.t, "refused", JSON.stringify(found));
      assert.match(found.why, why);
    }
  });
});
