/** Rules for a model bundle: its files, its network, its labels, the name of the TensorRT engine, the board's memory. */

import { posix } from "node:path";
import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { FactsFile, NetworkFormat } from "../../../common/catalogue/data.js";
import { isWithin } from "../../../common/catalogue/release.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import type { Spec } from "../spec/schema.js";
import {
  at,
  type Bundle,
  classesOf,
  NETWORK_TYPE,
  networkTypeOf,
  numberOf,
  property,
} from "./bundle.js";
import {
  classifierProblems,
  detectorProblems,
  isClassifier,
  worksOnObjects,
} from "./classifier-rules.js";
import { otherDecoders, rawTensorProblems } from "./cpu-rules.js";
import { fileProblems } from "./files.js";
import type { Setting } from "./key-file.js";
import { labelProblems } from "./labels.js";
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
  readonly catalogue: Catalogue;
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
    catalogue,
  };
  const found = keyProblems(bundle, target, catalogue.nvinferKeys);
  if (!bundle.config.groups.some(({ name }) => name === "property")) return found;
  return [
    ...found,
    ...fileProblems(bundle, target, catalogue, () => true),
    ...formatProblems(subject),
    ...precisionProblems(subject),
    ...batchProblems(subject),
    ...operatorProblems(subject, catalogue),
    ...engineFileProblems(subject),
    ...outputProblems(subject),
    ...labelProblems(bundle),
    ...(property(bundle, "custom-lib-path") === undefined
      ? [...classifierProblems(bundle), ...detectorProblems(bundle)]
      : []),
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
    const setting = property(bundle, format.keys[0] ?? "");
    if (setting === undefined) return [];
    const isGone = !isWithin({ since: "5.0", until: format.until }, release);
    return [{ format, setting, isGone }];
  });
  return named.find(({ format, isGone }) => !isGone || !format.passedOver) ?? named[0];
}

const ENGINES = ["model-engine-file", "engine-create-func-name"];

/** A library that reads the network, or builds the engine, has formats of its own. */
function isReadByLibrary(bundle: Bundle): boolean {
  const has = (key: string) => property(bundle, key) !== undefined;
  return has("engine-create-func-name") || (has("custom-network-config") && has("custom-lib-path"));
}

function formatProblems({ bundle, network, target }: Subject): Problem[] {
  if (network === undefined) {
    // nvinfer takes a TensorRT engine alone, and a library may bring the network. The sidecar builds its engines from one.
    const isNvinfers =
      bundle.form === "file" && ENGINES.some((key) => property(bundle, key) !== undefined);
    const message = "no network is named: set onnx-file=FILE in [property]";
    return isNvinfers ? [] : [problem("missing-key", bundle.file, message)];
  }
  const { format, setting, isGone } = network;
  if (!isGone || format.code === undefined || isReadByLibrary(bundle)) return [];
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
  if ((property(bundle, "int8-calib-file")?.value ?? "") !== "") return [];
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
    const message = `${name} takes a batch of ${batch}, batch-size asks for ${asked}, and the sidecar gives it ${batch} at once: ${remedy}`;
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

/** The network's role: the sidecar needs boxes of it, and a decoder for its outputs. */
function outputProblems({ bundle, catalogue }: Subject): Problem[] {
  const type = networkTypeOf(bundle);
  const placeOf = (key: string) => {
    const setting = property(bundle, key);
    return setting === undefined ? bundle.file : at(bundle, setting);
  };
  if (isClassifier(bundle) && worksOnObjects(bundle)) return [];
  if (type === NETWORK_TYPE.classifier || type === NETWORK_TYPE.segmentation) {
    const what = type === NETWORK_TYPE.classifier ? "classifier" : "segmentation";
    const key = property(bundle, "network-type") === undefined ? "is-classifier" : "network-type";
    const message = `network-type=${type} (${what}) finds no boxes, so that none is ever shown: use a detector`;
    return [problem("no-boxes", placeOf(key), message)];
  }
  // The sidecar decodes what its bundles leave to it; other programs have decoders of their own.
  const isDecodedHere = bundle.form === "directory" && isLeftToSidecar(bundle, catalogue);
  const problems = bundle.form === "directory" ? choiceProblems(bundle, catalogue) : [];
  if (isDecodedHere) problems.push(...rawTensorProblems(bundle, catalogue));
  if (type !== NETWORK_TYPE.other) {
    if (isDecodedHere || classesOf(bundle) !== 0) return problems;
    const message =
      "num-detected-classes is missing or 0: nvinfer finds objects of no class, so that no box is ever shown: set it in [property]";
    return [...problems, problem("no-boxes", placeOf("num-detected-classes"), message)];
  }
  if (!isDecodedHere || property(bundle, "infer-dims") !== undefined) return problems;
  const message = "raw tensors need the size of the network's input: set infer-dims";
  return [...problems, problem("missing-key", bundle.file, message)];
}

/** Without a library that brings its parser, nvinfer leaves the outputs to the sidecar's decoder. */
function isLeftToSidecar(bundle: Bundle, catalogue: Catalogue): boolean {
  const type = networkTypeOf(bundle);
  if (type !== NETWORK_TYPE.detector) return type === NETWORK_TYPE.other;
  const parser = parserOf(bundle);
  const isOurs = parser !== undefined && catalogue.decoderNames.includes(parser.value);
  return isOurs && libraryOf(bundle) === undefined;
}

/** Who decodes the outputs of a network whose configuration names a parser for nvinfer. */
function choiceProblems(bundle: Bundle, catalogue: Catalogue): Problem[] {
  const type = networkTypeOf(bundle);
  const parser = parserOf(bundle);
  if (parser === undefined || type === NETWORK_TYPE.other) return [];
  const isOurs = catalogue.decoderNames.includes(parser.value);
  const library = libraryOf(bundle);
  const place = at(bundle, parser);
  if (library !== undefined) {
    if (type !== NETWORK_TYPE.detector) return [];
    const cpu = isOurs ? "by the sidecar's own" : "has no decoder for it";
    const message = `nvinfer decodes by ${parser.value} of ${library.value}, engine cpu ${cpu}`;
    return [problem("decoder-choice", place, message)];
  }
  if (isLeftToSidecar(bundle, catalogue)) {
    const message = `no library brings ${parser.value}: on both engines the sidecar's own decoder of that name reads the outputs`;
    return [problem("decoder-choice", place, message)];
  }
  const others = otherDecoders(parser.value, catalogue.decoderNames);
  const message = `there is no decoder ${parser.value}, and no custom-lib-path that brings it${others}`;
  return [problem("unknown-decoder", place, message)];
}

/** Undefined: it is missing, or its value is empty or refused, which is reported elsewhere. */
function parserOf(bundle: Bundle): Setting | undefined {
  const setting = property(bundle, "parse-bbox-func-name");
  if (setting === undefined || setting.value === "" || setting.value.includes("\0"))
    return undefined;
  return bundle.config.values.text(setting.raw) === undefined ? undefined : setting;
}

function libraryOf(bundle: Bundle): Setting | undefined {
  const setting = property(bundle, "custom-lib-path");
  return setting?.value === "" ? undefined : setting;
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
