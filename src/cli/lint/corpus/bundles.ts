/** Model bundles, right and wrong. */

import type { LintCase } from "./lint-case.js";
import { network } from "./networks.js";
import { onnxFile } from "./onnx-file.js";
import { spec } from "./specs.js";

const NETWORK = onnxFile({ opset: 11, batch: 0, weightBytes: 4096 });
const LABELS = "person\ncar\n";

function config(...settings: string[]): string {
  return [
    "[property]",
    "onnx-file=a.onnx",
    "labelfile-path=labels.txt",
    "num-detected-classes=2",
    ...settings,
  ].join("\n");
}

/** A right bundle, with settings from its line 5 on. */
function bundle(...settings: string[]): Record<string, string | Uint8Array> {
  return { "config_infer.txt": config(...settings), "a.onnx": NETWORK, "labels.txt": LABELS };
}

/** A bundle for the formats that NVIDIA's samples had. */
function sample(...settings: string[]): Record<string, string | Uint8Array> {
  const text = ["[property]", "num-detected-classes=4", ...settings, "labelfile-path=labels.txt"];
  return {
    "config_infer.txt": text.join("\n"),
    "labels.txt": "a\nb\nc\nd\n",
    "a.caffemodel": "x",
    "a.prototxt": "x",
    "a.uff": "x",
    "a.etlt": "x",
  };
}

/** A right bundle in YAML, with settings from its line 5 on, and other groups after them. */
function yamlBundle(settings: readonly string[], ...rest: string[]) {
  const lines = [
    "property:",
    "onnx-file: a.onnx",
    "labelfile-path: labels.txt",
    "num-detected-classes: 2",
    ...settings,
  ];
  const text = [...lines.map((line, i) => (i === 0 ? line : `  ${line}`)), ...rest].join("\n");
  return { "config_infer.yml": text, "a.onnx": NETWORK, "labels.txt": LABELS };
}

export const BUNDLES: readonly LintCase[] = [
  {
    name: "a right bundle with comments, spaces and classes of its own",
    bundle: bundle(
      "network-mode=2",
      "# comment",
      "net-scale-factor = 0.0039",
      "offsets=1;2;3;",
      "infer-dims=3;416;416",
      "",
      "[class-attrs-all]",
      "pre-cluster-threshold=0.4",
      "[class-attrs-1]",
      "topk=20",
    ),
    on: { "t4 nano orin-nano 5.0/dgpu 9.2/dgpu": [] },
  },
  {
    name: "misspelt keys, groups and files",
    bundle: {
      ...bundle(
        "networkmode=2",
        "pre-cluster-threshold=0.4",
        "[propertys]",
        "[class-attrs-all]",
        "nms-iou-treshold=0.3",
      ),
      "labels.txt": "",
      "label.txt": LABELS,
    },
    on: {
      t4: [
        "unknown-key config_infer.txt:5",
        "unknown-key config_infer.txt:6",
        "unknown-group config_infer.txt:7",
        "unknown-key config_infer.txt:9",
        "labels-mismatch config_infer.txt:3",
      ],
    },
    says: /did you mean network-mode\?/,
  },
  {
    name: "keys of later releases",
    bundle: bundle("symmetric-padding=1", "auto-inc-mem=1", "strongly-typed=1"),
    on: {
      "5.1/jetson": [
        "key-unavailable config_infer.txt:5",
        "key-unavailable config_infer.txt:6",
        "key-unavailable config_infer.txt:7",
      ],
      t4: ["key-unavailable config_infer.txt:7"],
      "9.0/dgpu": [],
    },
    says: /it is read from 9\.0/,
  },
  {
    name: "values of the wrong type, out of range, or not among the choices",
    bundle: bundle(
      "batch-size=0",
      "network-mode=4",
      "maintain-aspect-ratio=yes",
      "interval=often",
      "infer-dims=3;416",
      "offsets=1;2;3;4;5",
      "scaling-compute-hw=2",
      "parse-bbox-func-name=",
      "net-scale-factor=1,5",
    ),
    on: {
      t4: [
        "out-of-range config_infer.txt:5",
        "unknown-value config_infer.txt:6",
        "wrong-type config_infer.txt:7",
        "wrong-type config_infer.txt:8",
        "out-of-range config_infer.txt:9",
        "out-of-range config_infer.txt:10",
        "unknown-value config_infer.txt:11",
        "empty-value config_infer.txt:12",
        "wrong-type config_infer.txt:13",
      ],
      nano: [
        "out-of-range config_infer.txt:5",
        "unknown-value config_infer.txt:6",
        "wrong-type config_infer.txt:7",
        "wrong-type config_infer.txt:8",
        "out-of-range config_infer.txt:9",
        "out-of-range config_infer.txt:10",
        "empty-value config_infer.txt:12",
        "wrong-type config_infer.txt:13",
      ],
    },
    says: /0 \(fp32\), 1 \(int8\), 2 \(fp16\)$/,
  },
  {
    name: "keys given twice and keys of old",
    bundle: bundle("gpu-id=0", "gpu-id=1", "enable-dbscan=1", "is-classifier=0", "network-type=0"),
    on: { t4: ["duplicate-key config_infer.txt:6", "deprecated-key config_infer.txt:7"] },
  },
  {
    name: "the Caffe detector of the samples",
    bundle: sample("model-file=a.caffemodel", "proto-file=a.prototxt", "network-mode=2"),
    on: {
      nano: [],
      "7.0/dgpu": [],
      "t4 orin-nano": ["caffe-gone config_infer.txt:3"],
    },
    says: /export it as ONNX/,
  },
  {
    name: "a Caffe network for old releases beside an ONNX one for new ones",
    bundle: {
      ...bundle(
        "model-file=a.caffemodel",
        "proto-file=a.prototxt",
        "network-mode=2",
        "model-engine-file=a.caffemodel_b1_gpu0_fp16.engine",
      ),
      "a.caffemodel": "x",
      "a.prototxt": "x",
    },
    on: { nano: [], t4: ["engine-never-matches config_infer.txt:8"] },
  },
  {
    name: "engines in another directory and of a DLA",
    bundle: bundle(
      "network-mode=2",
      "enable-dla=1",
      "model-engine-file=engines/a.onnx_b1_dla0_fp16.engine",
    ),
    on: { "orin-nano": ["engine-never-matches config_infer.txt:7"] },
    says: /writes a\.onnx_b1_dla0_fp16\.engine/,
  },
  {
    name: "a UFF network",
    bundle: sample("uff-file=a.uff"),
    on: { nano: [], t4: ["uff-gone config_infer.txt:3"] },
  },
  {
    name: "an encrypted TAO model",
    bundle: sample("tlt-encoded-model=a.etlt", "tlt-model-key=tlt_encode"),
    on: { "nano 7.0/jetson": [], "t4 orin-nano": ["etlt-gone config_infer.txt:3"] },
  },
  {
    name: "INT8, which a Nano does not have, with an engine named after it",
    bundle: {
      ...bundle(
        "network-mode=1",
        "int8-calib-file=cal.bin",
        "model-engine-file=a.onnx_b1_gpu0_int8.engine",
      ),
      "cal.bin": "x",
    },
    on: {
      t4: [],
      "orin-nano": [],
      nano: ["int8-unsupported config_infer.txt:5", "engine-never-matches config_infer.txt:7"],
    },
    says: /a\.onnx_b1_gpu0_fp16\.engine/,
  },
  {
    name: "INT8 that nothing calibrates",
    bundle: bundle("network-mode=1"),
    on: { t4: ["int8-uncalibrated config_infer.txt:5"] },
  },
  {
    name: "an engine for one camera where there are two",
    bundle: bundle("network-mode=2", "model-engine-file=a.onnx_b1_gpu0_fp16.engine"),
    spec: spec({ cameras: 2 }),
    on: { t4: ["engine-never-matches config_infer.txt:6"] },
    says: /a\.onnx_b2_gpu0_fp16\.engine/,
  },
  {
    name: "a network that takes one picture at a time",
    bundle: {
      ...bundle("batch-size=2"),
      "a.onnx": onnxFile({ opset: 11, batch: 1, weightBytes: 64 }),
    },
    spec: spec({ cameras: 2 }),
    on: {
      t4: ["batch-above-network config_infer.txt:5", "batch-below-cameras config_infer.txt:2"],
    },
    says: /free first dimension/,
  },
  {
    name: "a newer operator set than an old TensorRT knows",
    bundle: { ...bundle(), "a.onnx": onnxFile({ opset: 17, batch: 0, weightBytes: 64 }) },
    on: { nano: ["onnx-opset config_infer.txt:2"], "t4 6.2/dgpu": [] },
    says: /export it with opset 13 or lower/,
  },
  {
    name: "an operator that TensorRT of a Nano does not have",
    bundle: { ...bundle(), "a.onnx": network("NonZero") },
    on: { nano: ["onnx-operator config_infer.txt:2"], "t4 orin-nano 6.2/dgpu": [] },
    says: /has no operator NonZero .*\(from 8\.5\).*the node of out/,
  },
  {
    name: "a convolution whose weights and bias are no initializers",
    bundle: { ...bundle(), "a.onnx": network("both behind a Cast") },
    on: {
      nano: ["onnx-operator config_infer.txt:2", "onnx-operator config_infer.txt:2"],
      "t4 orin-nano": [],
    },
    says: /the bias of Conv from an initializer only up to 8\.4.*node first/,
  },
  {
    name: "a type of numbers that only later releases have",
    bundle: { ...bundle(), "a.onnx": network("bytes as input") },
    on: { nano: ["onnx-type config_infer.txt:2"], "t4 orin-nano": [] },
    says: /has no UINT8 for inputs.*from 8\.5/,
  },
  {
    name: "an operator that a library of the bundle brings",
    bundle: {
      ...bundle("custom-lib-path=lib.so"),
      "lib.so": "x",
      "a.onnx": network("an operator that is none"),
    },
    on: { "t4 nano orin-nano": [] },
  },
  ...["/etc/hostname", "../weights.bin", "sub/../../weights.bin"].map(
    (weightFile): LintCase => ({
      name: `weights in ${weightFile}`,
      bundle: {
        ...bundle(),
        "a.onnx": onnxFile({ opset: 11, batch: 0, weightBytes: 64, weightFile }),
      },
      on: { "t4 nano orin-nano": ["file-outside config_infer.txt:2"] },
      says: /has weights in .*, outside its directory: export it again/,
    }),
  ),
  {
    name: "a classifier of objects",
    bundle: {
      ...bundle("process-mode=2", "network-type=1"),
      "a.onnx": onnxFile({ opset: 11, batch: 0, weightBytes: 64, output: [2, 1, 1] }),
      "labels.txt": "red;blue\n",
    },
    on: { "t4 nano orin-nano": [] },
  },
  {
    name: "a detector that is given as a classifier",
    bundle: {
      ...bundle("process-mode=2", "network-type=1"),
      "a.onnx": onnxFile({ opset: 11, batch: 0, weightBytes: 64, output: [84, 8400] }),
      "labels.txt": "red;blue\n",
    },
    on: { "t4 nano orin-nano": ["not-a-classifier config_infer.txt:2"] },
    says: /out has the shape nx84x8400: .* Set network-type=0 or 100/,
  },
  {
    name: "a classifier that is given as a detector",
    bundle: {
      ...bundle(),
      "a.onnx": onnxFile({ opset: 11, batch: 0, weightBytes: 64, output: [1000, 1, 1] }),
    },
    on: { "t4 nano orin-nano": ["not-a-detector config_infer.txt:2"] },
    says: /the outputs are out nx1000x1x1: a classifier, .* network-type=1 and process-mode=2/,
  },
  {
    name: "a detector that gives a list of boxes",
    bundle: {
      ...bundle(),
      "a.onnx": onnxFile({ opset: 11, batch: 0, weightBytes: 64, output: [7] }),
    },
    on: { "t4 nano orin-nano": [] },
  },
  {
    name: "a classifier of objects with labels for another one",
    bundle: {
      ...bundle("process-mode=2", "network-type=1"),
      "a.onnx": onnxFile({ opset: 11, batch: 0, weightBytes: 64, output: [3] }),
      "labels.txt": "red;blue\n",
    },
    on: { t4: ["labels-mismatch config_infer.txt:3"] },
    says: /has 2 labels for the output out of 3 classes/,
  },
  {
    name: "class ids that the network does not have",
    bundle: bundle("filter-out-class-ids=0;2", "[class-attrs-7]"),
    on: { t4: ["class-out-of-range config_infer.txt:5", "class-group-unknown config_infer.txt:6"] },
  },
  {
    name: "a class that the labels do not have",
    bundle: bundle(),
    spec: spec({ models: [{ bundle_path: "/m", classes: ["car", "persn"] }] }),
    on: { t4: ["unknown-class models[0].classes[1]"] },
    says: /did you mean person\?/,
  },
  {
    name: "a workspace larger than any board, which is a ceiling and no need",
    bundle: bundle("workspace-size=1048576"),
    on: { "t4 orin-nano nano": [] },
  },
  {
    name: "more cameras than the board has memory for",
    bundle: bundle(),
    spec: spec({ cameras: 40 }),
    on: { nano: ["model-too-large config_infer.txt:2", "too-many-cameras cameras"] },
    says: /450 workspace \+ 600 CUDA and TensorRT/,
  },
  {
    name: "files that are not there",
    bundle: {
      "config_infer.txt": config("int8-calib-file=cal.bin", "custom-lib-path=/opt/nvidia/lib.so"),
      "labels.txt": LABELS,
      "b.onnx": "x",
    },
    on: { t4: ["file-missing config_infer.txt:2", "file-missing config_infer.txt:5"] },
    says: /did you mean b\.onnx\?/,
  },
  {
    name: "a network that is none",
    bundle: { ...bundle(), "a.onnx": "version https://git-lfs.github.com/spec/v1\noid sha256:0" },
    on: { t4: ["network-unreadable config_infer.txt:2"] },
    says: /git lfs pull/,
  },
  {
    name: "a network that is cut short",
    bundle: { ...bundle(), "a.onnx": NETWORK.subarray(0, 1000) },
    on: { t4: ["network-unreadable config_infer.txt:2"] },
    says: /cut short/,
  },
  {
    name: "an empty network",
    bundle: { ...bundle(), "a.onnx": "" },
    on: { t4: ["network-unreadable config_infer.txt:2"] },
  },
  {
    name: "labels that are no text",
    bundle: { ...bundle(), "labels.txt": Uint8Array.of(0xff, 0xfe, 0x41) },
    on: { t4: ["not-text config_infer.txt:3"] },
  },
  {
    name: "no network, no classes, no group",
    bundle: { "config_infer.txt": "gpu-id=0\n" },
    on: {
      t4: ["config-syntax config_infer.txt:1", "missing-key config_infer.txt"],
    },
  },
  {
    name: "lines that are no settings",
    bundle: bundle("; comment", "network-mode: 2", "[class-attrs-all", "what is this"),
    on: { t4: [5, 6, 7, 8].map((line) => `config-syntax config_infer.txt:${line}` as const) },
    says: /a comment begins with #/,
  },
  {
    name: "a configuration under another name",
    bundle: { "config-infer.txt": config() },
    on: { t4: ["file-missing config_infer.txt"] },
    says: /did you mean config-infer\.txt\?/,
  },
  {
    name: "a configuration in UTF-16",
    bundle: { "config_infer.txt": new Uint8Array(Buffer.from("\ufeff[property]\n", "utf16le")) },
    on: {
      t4: [
        "config-syntax config_infer.txt:1",
        "config-syntax config_infer.txt:2",
        "missing-key config_infer.txt",
      ],
    },
  },
  {
    name: "a configuration without end",
    bundle: { "config_infer.txt": "#".repeat(1024 * 1024 + 1) },
    on: { t4: ["file-too-large config_infer.txt"] },
  },
  {
    name: "what nvinfer ignores",
    bundle: bundle("alignment-type=2", "[tests]", "file-loop=0", "[ds-example]", "x=1"),
    on: {
      t4: [
        "unknown-key config_infer.txt:5",
        "unknown-group config_infer.txt:6",
        "unknown-group config_infer.txt:8",
      ],
    },
    says: /nvinfer ignores/,
  },
  {
    name: "numbers as GLib reads them",
    bundle: bundle(
      "interval=+1 # a comment after an integer is none for GLib, and no harm",
      "gpu-id=0 ",
      "net-scale-factor=0x1p-8",
      "maintain-aspect-ratio=1\t",
      "infer-dims=3; 416; 416 # w",
      "offsets=1;2;3;",
      "operate-on-class-ids=",
      "[class-attrs-01]",
      "topk=010",
    ),
    on: { t4: [] },
  },
  {
    name: "numbers that GLib refuses",
    bundle: bundle(
      "net-scale-factor=0.0039 ",
      "interval=1;",
      "num-detected-classes=2#two",
      "workspace-size=4294967296",
      "batch-size=1.0",
      "gie-unique-id=0x1",
      "infer-dims=3;544;960 # c;h;w",
      "offsets=1;2;3 # b;g;r",
      "maintain-aspect-ratio=True",
      "symmetric-padding=1 # both sides",
      "classifier-threshold=0,5",
      "segmentation-threshold=nan",
    ),
    on: {
      t4: [
        ...[5, 6, 7].map((line) => `wrong-type config_infer.txt:${line}` as const),
        "duplicate-key config_infer.txt:7",
        "out-of-range config_infer.txt:8",
        ...[9, 10, 11, 12, 13, 14, 15, 16].map(
          (line) => `wrong-type config_infer.txt:${line}` as const,
        ),
      ],
    },
    says: /remove the blank at the end/,
  },
  {
    name: "numbers that nvinfer refuses",
    bundle: bundle(
      "operate-on-class-ids=0;-1",
      "[class-attrs-all]",
      "topk=-1",
      "nms-iou-threshold=1.5",
      "roi-top-offset=-4",
      "border-color=1;0;0",
      "[class-attrs-2]",
      "[class-attrs-car]",
    ),
    on: {
      t4: [
        "out-of-range config_infer.txt:5",
        ...[7, 8, 9, 10].map((line) => `out-of-range config_infer.txt:${line}` as const),
        "class-group-unknown config_infer.txt:11",
        "class-group-unknown config_infer.txt:12",
      ],
    },
    says: /num-detected-classes=2 allows 0 to 1/,
  },
  {
    name: "class groups of a network that has no boxes, which nvinfer does not read",
    bundle: bundle("network-type=2", "[class-attrs-9]", "topk=-1"),
    on: { t4: ["no-boxes config_infer.txt:5", "unknown-group config_infer.txt:6"] },
  },
  {
    name: "a classifier under its old name",
    bundle: { ...bundle("is-classifier=1"), "labels.txt": "red;green;blue" },
    on: { t4: ["deprecated-key config_infer.txt:5", "no-boxes config_infer.txt:5"] },
    says: /finds no boxes/,
  },
  {
    name: "old keys beside their successors, which nvinfer does not read then",
    bundle: bundle("infer-dims=3;4;4", "input-dims=oops", "cluster-mode=2", "enable-dbscan=yes"),
    on: { t4: [] },
  },
  {
    name: "raw tensors that nobody decodes",
    bundle: bundle(
      "network-type=100",
      "parse-bbox-func-name=SlipstreamNanodet",
      "infer-dims=3;416;416",
    ),
    on: { "t4 nano": ["unknown-decoder config_infer.txt:6"] },
    says: /did you mean SlipstreamNanoDet\?/,
  },
  {
    name: "raw tensors without the name of a decoder",
    bundle: bundle("network-type=100", "infer-dims=3;416;416"),
    on: { t4: ["missing-key config_infer.txt"] },
    says: /parse-bbox-func-name is missing/,
  },
  {
    name: "a library's parser that the sidecar has too",
    bundle: {
      ...bundle("parse-bbox-func-name=NvDsInferParseYolo", "custom-lib-path=lib.so"),
      "lib.so": "x",
    },
    on: { "t4 nano": ["decoder-choice config_infer.txt:5"] },
    says: /nvinfer decodes by NvDsInferParseYolo of lib\.so, engine cpu by the sidecar's own/,
  },
  {
    name: "a library's parser that the sidecar does not have",
    bundle: {
      ...bundle("parse-bbox-func-name=NvDsInferParseOwn", "custom-lib-path=lib.so"),
      "lib.so": "x",
    },
    on: { t4: ["decoder-choice config_infer.txt:5"] },
    says: /engine cpu has no decoder for it/,
  },
  {
    name: "a parser that the sidecar has, without its library",
    bundle: bundle("parse-bbox-func-name=NvDsInferParseYolo"),
    on: { t4: ["decoder-choice config_infer.txt:5"] },
    says: /on both engines the sidecar's own decoder/,
  },
  {
    name: "a parser that nobody brings",
    bundle: bundle("parse-bbox-func-name=NvDsInferParseYol"),
    on: { t4: ["unknown-decoder config_infer.txt:5"] },
    says: /no custom-lib-path that brings it.* did you mean NvDsInferParseYolo\?/,
  },
  {
    name: "no labels",
    bundle: {
      ...bundle(),
      "config_infer.txt": config().replace("labelfile-path=labels.txt\n", ""),
    },
    on: { t4: ["labels-missing config_infer.txt"] },
  },
  {
    name: "a library that is not in the bundle",
    bundle: bundle("custom-lib-path=lib/libparser.so"),
    on: { t4: ["file-missing config_infer.txt:5"] },
  },
  {
    name: "a byte order mark",
    bundle: { ...bundle(), "config_infer.txt": `\ufeff${config()}` },
    on: { t4: ["config-syntax config_infer.txt:1"] },
    says: /save it as UTF-8 without one/,
  },
  {
    name: "comments in another encoding, and a percent sign",
    bundle: {
      ...bundle(),
      "labels 100%.txt": LABELS,
      "config_infer.txt": Buffer.from(
        config("# \xe4\xfc").replace("labels.txt", "labels 100%.txt"),
        "latin1",
      ),
    },
    on: { t4: [] },
  },
  {
    name: "Windows line ends",
    bundle: { ...bundle(), "config_infer.txt": `${config("").replaceAll("\n", "\r\n")}\r\n` },
    on: { t4: [] },
  },
  {
    name: "the line ends of old Macintoshes",
    bundle: { ...bundle(), "config_infer.txt": config().replaceAll("\n", "\r") },
    on: {
      t4: ["config-syntax config_infer.txt:1", "missing-key config_infer.txt"],
    },
    says: /carriage return/,
  },
  {
    name: "backslashes in a path, and one that is escaped",
    bundle: bundle("int8-calib-file=sub\\cal.bin", "parse-bbox-func-name=a\\\\b"),
    on: { t4: ["wrong-type config_infer.txt:5", "unknown-decoder config_infer.txt:6"] },
    says: /backslash/,
  },
  {
    name: "a comment behind a group",
    bundle: bundle("[class-attrs-all] # for all"),
    on: { t4: ["config-syntax config_infer.txt:5"] },
    says: /a line of its own/,
  },
  {
    name: "a group that is continued, with white space that GLib allows",
    bundle: bundle("[class-attrs-all]\t", "  topk = 5", "[property]", "interval=2"),
    on: { t4: [] },
  },
  {
    name: "YAML with comments, quotes and classes of its own",
    bundle: yamlBundle(
      [
        "network-mode: 2 # FP16",
        'net-scale-factor: "0.0039"',
        "offsets: 1;2;3",
        "infer-dims: 3;4;4",
      ],
      "",
      "class-attrs-all:",
      "  pre-cluster-threshold: 0.4",
      "class-attrs-1:",
      "  topk: 20",
    ),
    on: { "t4 nano orin-nano": [] },
  },
  {
    name: "YAML with what nvinfer ignores",
    bundle: yamlBundle(
      ["colour: red", "enable-dbscan: 1", "gpu-id: 0", "gpu-id: 1"],
      "class-attrs-all:",
      "  threshold: 0.4",
      "tests:",
      "  file-loop: 0",
    ),
    on: {
      t4: [
        "unknown-key config_infer.yml:5",
        "key-unavailable config_infer.yml:6",
        "duplicate-key config_infer.yml:8",
        "key-unavailable config_infer.yml:10",
        "unknown-group config_infer.yml:11",
      ],
    },
  },
  {
    name: "YAML with values that end nvinfer",
    bundle: yamlBundle(
      [
        "maintain-aspect-ratio: true",
        "infer-dims: 3;4;4;",
        "interval: 1.5",
        "offsets: 1;x;3",
        "net-scale-factor: 1/255",
        "network-mode: 7",
        "operate-on-class-ids: -1",
      ],
      "class-attrs-2:",
      "  topk: -1",
    ),
    on: {
      t4: [
        ...[5, 6, 7, 8, 9].map((line) => `wrong-type config_infer.yml:${line}` as const),
        "unknown-value config_infer.yml:10",
        "out-of-range config_infer.yml:11",
        "class-group-unknown config_infer.yml:12",
        "out-of-range config_infer.yml:13",
      ],
    },
    says: /write 1/,
  },
  {
    name: "YAML lists, which nvinfer does not read",
    bundle: yamlBundle(["infer-dims: [3, 4, 4]"]),
    on: { t4: ["config-syntax config_infer.yml:5"] },
    says: /3;416;416/,
  },
  {
    name: "a key file in a file for YAML",
    bundle: { "config_infer.yml": config(), "a.onnx": NETWORK, "labels.txt": LABELS },
    on: {
      t4: ["config-syntax config_infer.yml:2", "missing-key config_infer.yml"],
    },
    says: /not YAML/,
  },
  {
    name: "YAML in a key file",
    bundle: { "config_infer.txt": "property:\n  gpu-id: 0\n" },
    on: {
      t4: [
        "config-syntax config_infer.txt:1",
        "config-syntax config_infer.txt:2",
        "missing-key config_infer.txt",
      ],
    },
    says: /from a \.yml file only/,
  },
];
