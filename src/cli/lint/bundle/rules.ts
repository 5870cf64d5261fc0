/** Rules for a model bundle: its files, its network, its labels, the name of the TensorRT engine, the board's memory. */

import { posix } from "node:path";
import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { FactsFile, NetworkFormat } from "../../../common/catalogue/data.js";
import { isWithin } from "../../../common/catalogue/release.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import type { Spec } from "../spec/schema.js";
import {
  at,
  type Bundle,
  labelsOf,
  NETWORK_TYPE,
  networkTypeOf,
  numberOf,
  property,
} from "./bundle.js";
import type { Setting } from "./key-file.js";
import { keyProblems } from "./nvinfer-keys.js";
import { parserRefusals } from "./tensorrt-parser.js";

/** What the rules look at. */
interface Subject {
  readonly bundle: Bundle;
  /** The network that nvinfer uses on this release; undefined: the configuration names none. */
  readonly network: Network | undefined;
  /** Undefined: there is no specification. */
  readonly cameras: number | undefined;
  readonly target: Target;
  readonly facts: FactsFile;
  /** Names of the decoders that the sidecar has. */
  readonly decoders: readonly string[];
}

interface Network {
  readonly format: NetworkFormat;
  readonly setting: Setting;
  /** This release cannot read the format. */
  readonly isGone: boolean;
}

export function lintBundle(
  bundle: Bundle,
  spec: Spec | undefined,
  target: Target,
  catalogue: Catalogue,
): Problem[] {
  const { facts } = catalogue;
  const network = networkOf(bundle, facts.formats, target.release);
  const subject = {
    bundle,
    network,
    cameras: spec?.cameras.length,
    target,
    facts,
    decoders: catalogue.decoders.decoders.map(({ name }) => name),
  };
  return [
    ...keyProblems(bundle, target, catalogue.nvinferKeys),
    ...fileProblems(bundle, catalogue),
    ...formatProblems(subject),
    ...precisionProblems(subject),
    ...batchProblems(subject),
    ...operatorProblems(subject, catalogue),
    ...engineFileProblems(subject),
    ...outputProblems(subject),
    ...labelProblems(bundle),
    ...memoryProblems(subject),
  ];
}

/** The first network that the release can read; if there is none, the first one that it cannot. */
function networkOf(
  bundle: Bundle,
  formats: readonly NetworkFormat[],
  release: string,
): Network | undefined {
  const named = formats.flatMap((format): Network[] => {
    const [setting] = format.keys.flatMap((key) => property(bundle, key) ?? []);
    if (setting === undefined) return [];
    const isGone = !isWithin({ since: "5.0", until: format.until }, release);
    return [{ format, setting, isGone }];
  });
  return named.find(({ format, isGone }) => !isGone || !format.passedOver) ?? named[0];
}

/** Files below this path belong to the DeepStream image: the machine that runs the linter need not have them. */
const IMAGE = "/opt/nvidia/";

function fileProblems(bundle: Bundle, { nvinferKeys }: Catalogue): Problem[] {
  const byName = new Map(nvinferKeys.map((key) => [key.name, key]));
  return bundle.config.settings.flatMap((setting) => {
    const key = byName.get(setting.key);
    const file = bundle.files.get(setting.value);
    if (key?.type !== "path" || file === undefined) return [];
    const path = at(bundle, setting);
    if (file.t === "unusable") {
      const code = key.name === "onnx-file" ? "network-unreadable" : "file-unreadable";
      return [problem(code, path, `${setting.value}: ${file.why}`)];
    }
    if (file.t !== "missing" || key.written || setting.value.startsWith(IMAGE)) return [];
    const hint = didYouMean(closest(setting.value, bundle.names));
    const message = `${key.name}: there is no ${setting.value} in the bundle${hint}`;
    return [problem("file-missing", path, message)];
  });
}

function formatProblems({ bundle, network, target }: Subject): Problem[] {
  if (network === undefined) {
    const hasEngine = ["model-engine-file", "engine-create-func-name"].some(
      (key) => property(bundle, key) !== undefined,
    );
    const message = "no network is named: set onnx-file=FILE in [property]";
    return hasEngine ? [] : [problem("missing-key", bundle.file, message)];
  }
  const { format, setting, isGone } = network;
  if (!isGone || format.code === undefined) return [];
  const message =
    `${setting.value} is a network in ${format.format} format, which DeepStream supported up to ${format.until}: ` +
    `${format.why}. For ${describeTarget(target)} export it as ONNX and name that in onnx-file`;
  return [problem(format.code, at(bundle, setting), message)];
}

const INT8 = 1;

function precisionProblems({ bundle, target }: Subject): Problem[] {
  const mode = property(bundle, "network-mode");
  if (mode === undefined || numberOf(bundle, "network-mode", 0) !== INT8) return [];
  const path = at(bundle, mode);
  if (target.board?.int8 === false) {
    const message = `${target.board.name} has no INT8: nvinfer builds an FP16 engine instead; set network-mode=2`;
    return [problem("int8-unsupported", path, message)];
  }
  if (property(bundle, "int8-calib-file") !== undefined) return [];
  const message =
    "INT8 without int8-calib-file: TensorRT guesses the ranges unless the network holds them; use network-mode=2 (FP16)";
  return [problem("int8-uncalibrated", path, message)];
}

/** The precision that nvinfer really builds: INT8 falls back to FP16 on a board without it. */
function precisionOf({ bundle, target, facts }: Subject): string {
  const wanted = facts.engineFile.precisions[numberOf(bundle, "network-mode", 0)] ?? "fp32";
  return wanted === "int8" && target.board?.int8 === false ? "fp16" : wanted;
}

/** Undefined: the network is not in ONNX format, or could not be read. */
function onnxOf({ bundle, network }: Subject) {
  const file = bundle.files.get(network?.setting.value ?? "");
  if (network === undefined || file?.t !== "onnx") return undefined;
  const { setting } = network;
  return { ...file.onnx, name: setting.value, path: at(bundle, setting) };
}

/** The ONNX operator set against the target, and the network's batch size against the configuration and the cameras. */
function batchProblems(subject: Subject): Problem[] {
  const onnx = onnxOf(subject);
  if (onnx === undefined) return [];
  const { bundle, cameras, target } = subject;
  const { opset, batch, name, path } = onnx;
  const problems: Problem[] = [];
  if (target.onnxOpset !== undefined && opset > target.onnxOpset) {
    const message =
      `${name} uses ONNX operator set ${opset}, TensorRT ${target.tensorrt} of ${describeTarget(target)} ` +
      `knows up to ${target.onnxOpset}: export it with opset ${target.onnxOpset} or lower`;
    problems.push(problem("onnx-opset", path, message));
  }
  if (batch === undefined) return problems;
  const wanted = property(bundle, "batch-size");
  const asked = numberOf(bundle, "batch-size", 1);
  const remedy = "export it with a free first dimension";
  if (wanted !== undefined && asked > batch) {
    const message = `${name} takes a batch of ${batch}, batch-size asks for ${asked}: ${remedy}`;
    problems.push(problem("batch-above-network", at(bundle, wanted), message));
  }
  if (cameras !== undefined && cameras > batch) {
    const message = `${name} takes a batch of ${batch} and there are ${cameras} cameras, so that the GPU works in smaller batches: ${remedy}`;
    problems.push(problem("batch-below-cameras", path, message));
  }
  return problems;
}

/** Found here before a board spends minutes on a build that TensorRT's parser refuses at its very start. */
function operatorProblems(subject: Subject, catalogue: Catalogue): Problem[] {
  const { bundle, target } = subject;
  const { tensorrt } = target;
  const onnx = onnxOf(subject);
  if (onnx === undefined || tensorrt === undefined) return [];
  const hasLibrary = property(bundle, "custom-lib-path") !== undefined;
  return parserRefusals(onnx, tensorrt, catalogue.onnx, hasLibrary).map((one) => {
    const count = one.count === 1 ? "" : `, the first of ${one.count}`;
    const message =
      `TensorRT ${tensorrt} of ${describeTarget(target)} ${one.why} ` +
      `(${onnx.name}, ${one.where}${count}): ${one.remedy}`;
    return problem(one.code, onnx.path, message);
  });
}

/** Does model-engine-file name the file that nvinfer will write? The sidecar sets the batch to the number of cameras. */
function engineFileProblems(subject: Subject): Problem[] {
  const { bundle, network, cameras, facts } = subject;
  const engine = property(bundle, "model-engine-file");
  // An engine that a library builds is named by the working directory, which is not known here.
  const isCustom = property(bundle, "engine-create-func-name") !== undefined;
  if (engine === undefined || engine.value === "" || network === undefined || isCustom) return [];
  const asked = cameras ?? numberOf(bundle, "batch-size", 1);
  const batch = Math.min(asked, onnxOf(subject)?.batch ?? asked);
  const name = network.setting.value;
  const expected = `${name}_b${batch}_${deviceOf(bundle)}_${precisionOf(subject)}.engine`;
  if (posix.normalize(engine.value) === posix.normalize(expected)) return [];
  const message =
    `nvinfer writes ${expected} (${facts.engineFile.pattern}) and does not find it again as ${engine.value}; ` +
    "the sidecar keeps engines by itself and ignores the key: use that name, or remove the key";
  return [problem("engine-never-matches", at(bundle, engine), message)];
}

function deviceOf(bundle: Bundle): string {
  const usesDla = bundle.config.values.boolean(property(bundle, "enable-dla")?.raw ?? "") === true;
  const core = numberOf(bundle, "use-dla-core", 0);
  return usesDla && core >= 0 ? `dla${core}` : `gpu${numberOf(bundle, "gpu-id", 0)}`;
}

/** The network's role: the sidecar needs boxes of it. */
function outputProblems({ bundle, decoders }: Subject): Problem[] {
  const type = networkTypeOf(bundle);
  const { config, file } = bundle;
  const named = property(bundle, "parse-bbox-func-name");
  const setting =
    property(bundle, "network-type") ?? property(bundle, "is-classifier") ?? config.groups[0];
  const place = setting === undefined ? file : at(bundle, setting);
  if (type === NETWORK_TYPE.classifier || type === NETWORK_TYPE.segmentation) {
    const what = type === NETWORK_TYPE.classifier ? "classifier" : "segmentation";
    const message = `network-type=${type} (${what}) finds no boxes, so that none is ever shown: use a detector`;
    return [problem("no-boxes", place, message)];
  }
  const known = decoders.filter((name) => name.startsWith("Slipstream")).join(", ");
  const parser = named?.value ?? "";
  if (named === undefined || parser === "") {
    if (type !== NETWORK_TYPE.other) return [];
    const message = `network-type=100 needs parse-bbox-func-name, the decoder of its tensors: ${known}`;
    return [problem("missing-key", file, message)];
  }
  const isOurs = decoders.includes(parser);
  const library = property(bundle, "custom-lib-path");
  if (type === NETWORK_TYPE.other && isOurs) return [];
  if (type === NETWORK_TYPE.detector && (isOurs || library !== undefined)) {
    const cpu = isOurs ? "engine cpu by the sidecar's own" : "engine cpu has no decoder for it";
    const message =
      library === undefined
        ? `no library brings ${parser}: on both engines the sidecar's own decoder of that name reads the outputs`
        : `nvinfer decodes by ${parser} of ${library.value}, ${cpu}`;
    return [problem("decoder-choice", at(bundle, named), message)];
  }
  if (type !== NETWORK_TYPE.other && library !== undefined) return [];
  const lacking = type === NETWORK_TYPE.other ? "" : ", and no custom-lib-path that brings it";
  const hint = didYouMean(closest(parser, decoders));
  const message = `there is no decoder ${parser}${lacking}${hint || `; known are ${known}`}`;
  return [problem("unknown-decoder", at(bundle, named), message)];
}

const WITH_LABELS: readonly number[] = [
  NETWORK_TYPE.detector,
  NETWORK_TYPE.instances,
  NETWORK_TYPE.other,
];

/** Labels and class ids against the number of classes. */
function labelProblems(bundle: Bundle): Problem[] {
  if (!WITH_LABELS.includes(networkTypeOf(bundle))) return [];
  const { config } = bundle;
  const file = property(bundle, "labelfile-path");
  const problems: Problem[] = [];
  if (file === undefined && config.groups.some(({ name }) => name === "property")) {
    const message = "labelfile-path is missing: classes have no names; set it in [property]";
    problems.push(problem("labels-missing", bundle.file, message));
  }
  if (property(bundle, "num-detected-classes") === undefined) {
    const message = "a detector needs num-detected-classes in [property]";
    return [...problems, problem("missing-key", bundle.file, message)];
  }
  const classes = numberOf(bundle, "num-detected-classes", 0);
  const labels = labelsOf(bundle);
  problems.push(...filterProblems(bundle, classes));
  if (labels === undefined || file === undefined || labels.length === classes) return problems;
  const message = `${file.value} has ${labels.length} labels, num-detected-classes is ${classes}`;
  return [problem("labels-mismatch", at(bundle, file), message), ...problems];
}

function filterProblems(bundle: Bundle, classes: number): Problem[] {
  const filter = property(bundle, "filter-out-class-ids");
  if (filter === undefined) return [];
  const { values } = bundle.config;
  return values.items(filter.raw).flatMap((item) => {
    const id = values.integer(item);
    if (id === undefined || (id >= 0 && id < classes)) return [];
    const message = `there is no class ${id}: the network has ${classes}, counted from 0`;
    return [problem("class-out-of-range", at(bundle, filter), message)];
  });
}

const MB = 1024 * 1024;

/** Does the network fit into the board's memory? The rule and its figures are in release-facts.json. */
function memoryProblems(subject: Subject): Problem[] {
  const { bundle, network, cameras, target } = subject;
  const file = bundle.files.get(network?.setting.value ?? "");
  const { board } = target;
  if (board === undefined || network === undefined || file === undefined) return [];
  if (file.t !== "onnx" && file.t !== "present") return [];
  const rule = subject.facts.memory;
  const precision = precisionOf(subject);
  const weightBytes = file.t === "onnx" ? file.onnx.weightBytes : file.bytes;
  const engineMB =
    (weightBytes / rule.fileBytesPerWeight / MB) * (rule.weightBytes[precision] ?? 4);
  const parts = {
    "for the file": file.bytes / MB,
    [`for the ${precision} engine`]: engineMB * (board.sharedMemory ? 2 : 1),
    // 0 or absent: nvinfer's own size.
    // workspace-size is a ceiling: a build takes what it needs below it.
    workspace: Math.min(
      numberOf(bundle, "workspace-size", 0) || rule.workspaceMB,
      rule.workspaceMB,
    ),
    "CUDA and TensorRT": rule.runtimeMB,
    frames: (cameras ?? 1) * rule.perCameraMB,
  };
  const needed = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const available = board.memoryMB - rule.systemMB[target.platform];
  if (needed <= available) return [];
  const sum = Object.entries(parts).map(([name, part]) => `${Math.ceil(part)} ${name}`);
  const message =
    `${network.setting.value} needs about ${Math.ceil(needed)} MB (${sum.join(" + ")}), ${board.name} has ` +
    `${available} MB for it: use a smaller network or a lower precision`;
  return [problem("model-too-large", at(bundle, network.setting), message)];
}
