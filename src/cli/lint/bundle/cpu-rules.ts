/**
 * Rules for a bundle on engine cpu, and for one whose raw tensors the sidecar decodes by itself, on either engine.
 */

import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { NvinferKey } from "../../../common/catalogue/data.js";
import { CPU } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { checkRange } from "../value.js";
import { at, type Bundle, channelsOf, NETWORK_TYPE, networkTypeOf, property } from "./bundle.js";
import {
  classifierProblems,
  cpuClassifierProblems,
  detectorProblems,
  isClassifier,
} from "./classifier-rules.js";
import { fileProblems } from "./files.js";
import type { Setting } from "./key-file.js";
import { labelProblems } from "./labels.js";
import { effectiveSettings, keyProblems, readKey } from "./nvinfer-keys.js";

/** What engine cpu reads of the files that a bundle names. */
const FILES = ["onnx-file", "labelfile-path"];
const DECODER = "parse-bbox-func-name";

export function lintBundleForCpu(bundle: Bundle, catalogue: Catalogue): Problem[] {
  const { nvinferKeys } = catalogue;
  const found = keyProblems(bundle, CPU, nvinferKeys);
  if (!bundle.config.groups.some(({ name }) => name === "property")) return found;
  return [
    ...found,
    ...idleProblems(bundle, nvinferKeys),
    ...(isClassifier(bundle)
      ? classifierOnCpu(bundle, nvinferKeys)
      : [...useProblems(bundle, nvinferKeys, "engine cpu"), ...decoderProblems(bundle, catalogue)]),
    ...fileProblems(bundle, CPU, catalogue, (key) => FILES.includes(key)),
    ...operatorProblems(bundle),
    ...labelProblems(bundle),
    ...classifierProblems(bundle),
    ...detectorProblems(bundle),
  ];
}

/** ONNX Runtime has none of TensorRT's plugins, which some exporters put into a network. */
function operatorProblems(bundle: Bundle): Problem[] {
  const setting = property(bundle, "onnx-file");
  const file = bundle.files.get(setting?.value ?? "");
  if (setting === undefined || file?.t !== "onnx") return [];
  const known = new Set(file.onnx.functions.map(({ name }) => name));
  const plugin = file.onnx.graph.nodes.find(
    ({ operator }) => operator.endsWith("_TRT") && !known.has(operator),
  )?.operator;
  if (plugin === undefined) return [];
  const remedy = plugin.includes("NMS")
    ? "its NMS: the sidecar's decoders suppress boxes themselves"
    : "it";
  const message = `${setting.value} has the operator ${plugin}, a plugin of TensorRT that engine cpu does not have: export it without ${remedy}`;
  return [problem("onnx-operator", at(bundle, setting), message)];
}

/** Keys that nvinfer reads for detectors alone. */
const OF_DETECTORS = ["num-detected-classes", "cluster-mode", "enable-dbscan", DECODER];

function classifierOnCpu(bundle: Bundle, keys: readonly NvinferKey[]): Problem[] {
  const ofClassifiers = keys.filter(({ name }) => !OF_DETECTORS.includes(name));
  return [
    ...useProblems(bundle, ofClassifiers, "engine cpu"),
    ...missingKeys(bundle, keys, ["onnx-file"]),
    ...cpuClassifierProblems(bundle),
    ...dimensionProblems(bundle),
  ];
}

function idleProblems(bundle: Bundle, keys: readonly NvinferKey[]): Problem[] {
  const problems: Problem[] = [];
  const idle = knownSettings(bundle, keys).flatMap(({ key }) =>
    key.cpu === undefined ? [key.name] : [],
  );
  if (idle.length > 0) {
    const message = `engine cpu has no use for ${[...new Set(idle)].join(", ")} and ignores them`;
    problems.push(problem("config-no-meaning", bundle.file, message));
  }
  if (property(bundle, "cluster-mode") === undefined && !isClassifier(bundle)) {
    const message =
      "cluster-mode is missing: nvinfer would group rectangles, engine cpu uses NMS; set cluster-mode=2";
    problems.push(problem("config-default", bundle.file, message));
  }
  return problems;
}

/** For a network on engine deepstream whose raw tensors the sidecar decodes. */
export function rawTensorProblems(bundle: Bundle, catalogue: Catalogue): Problem[] {
  const decoding = catalogue.nvinferKeys.filter(({ cpu }) => cpu?.decoding);
  return [
    ...useProblems(bundle, decoding, "the decoders of raw tensors"),
    ...decoderProblems(bundle, catalogue),
  ];
}

function decoderProblems(bundle: Bundle, catalogue: Catalogue): Problem[] {
  const keys = catalogue.nvinferKeys;
  const hasDecoder = missingKeys(bundle, keys, [DECODER]).length === 0;
  return [
    ...missingKeys(bundle, keys, ["onnx-file", "num-detected-classes"]),
    ...(hasDecoder ? decoderNameProblems(bundle, catalogue) : noDecoder(bundle, catalogue)),
    ...dimensionProblems(bundle),
  ];
}

function missingKeys(
  bundle: Bundle,
  keys: readonly NvinferKey[],
  names: readonly string[],
): Problem[] {
  const known = knownSettings(bundle, keys);
  const isKnown = (name: string) =>
    known.some(({ key, setting }) => key.name === name && setting.group === "property");
  return names
    .filter((name) => !isKnown(name))
    .map((name) => problem("missing-key", bundle.file, `${name} is missing: set it in [property]`));
}

interface Known {
  readonly setting: Setting;
  readonly key: NvinferKey;
  /** Its value is refused, which is reported already. */
  readonly isRefused: boolean;
}

/** The settings that nvinfer reads, without those that are as if they were not there. */
function knownSettings(bundle: Bundle, keys: readonly NvinferKey[]): readonly Known[] {
  return effectiveSettings(bundle).flatMap((setting) => {
    const reading = readKey(setting, bundle, CPU, keys);
    if (reading.t !== "read" || reading.bad?.code === "empty-value") return [];
    return [{ setting, key: reading.key, isRefused: reading.bad !== undefined }];
  });
}

/** Whether the values of keys are honoured. who: it is that does not. */
function useProblems(bundle: Bundle, keys: readonly NvinferKey[], who: string): Problem[] {
  return knownSettings(bundle, keys).flatMap(({ setting, key, isRefused }) => {
    const { cpu } = key;
    if (cpu === undefined || isRefused) return [];
    const given = numbersOf(bundle, setting, key);
    const isAccepted =
      cpu.accepts === undefined || given.every((one) => cpu.accepts?.includes(one));
    const shown = `${key.name}=${setting.value}`;
    if (cpu.use === "refused" || !isAccepted) {
      const message = `${shown} is not supported by ${who}; ${cpu.advice}`;
      return [problem("config-not-supported", at(bundle, setting), message)];
    }
    const bad = given.map((one) => checkRange(one, cpu)).find((one) => one !== undefined);
    return bad === undefined
      ? []
      : [problem(bad.code, at(bundle, setting), `${shown}: ${bad.message}`)];
  });
}

/** The numbers of a value that nvinfer takes; booleans are 0 and 1. None for texts. */
function numbersOf(
  { config: { values } }: Bundle,
  { raw }: Setting,
  { type }: NvinferKey,
): readonly number[] {
  const items = type.endsWith("-list") ? values.items(raw) : [raw];
  return items.flatMap((item) => {
    if (type === "boolean") return values.boolean(item) === true ? 1 : 0;
    return (type.startsWith("float") ? values.float(item) : values.integer(item)) ?? [];
  });
}

/** The decoder that may be meant; otherwise those that have no other project's name. */
export function otherDecoders(name: string, decoderNames: readonly string[]): string {
  const own = decoderNames.filter((one) => one.startsWith("Slipstream"));
  return didYouMean(closest(name, decoderNames)) || `; known are ${own.join(", ")}`;
}

/** nvinfer decodes the outputs of a detector by itself, and so does engine cpu. */
function noDecoder(bundle: Bundle, { decoderNames }: Catalogue): Problem[] {
  if (networkTypeOf(bundle) !== NETWORK_TYPE.other) return [];
  const message = `${DECODER} is missing: network-type=100 leaves the outputs to a decoder; known are ${decoderNames.join(", ")}`;
  return [problem("missing-key", bundle.file, message)];
}

function decoderNameProblems(bundle: Bundle, catalogue: Catalogue): Problem[] {
  const { decoderNames, decoders } = catalogue;
  const named = property(bundle, DECODER);
  if (named === undefined || named.value === "" || named.value.includes("\0")) return [];
  const place = at(bundle, named);
  const decoder = decoders.decoders.find(({ name }) => name === named.value);
  if (decoder === undefined) {
    const message = `there is no decoder ${named.value}${otherDecoders(named.value, decoderNames)}`;
    return [problem("unknown-decoder", place, message)];
  }
  return (decoder.files ?? []).flatMap((name) => {
    const bytes = bundle.sizes.get(name);
    if (bytes === undefined) {
      const message = `${named.value} reads ${name}, which is not in the bundle: copy it there`;
      return [problem("file-missing", place, message)];
    }
    if (bytes > 0) return [];
    return [
      problem("file-empty", place, `${named.value} reads ${name}, which is empty: copy it anew`),
    ];
  });
}

function dimensionProblems(bundle: Bundle): Problem[] {
  const dimensions = property(bundle, "infer-dims");
  if (dimensions === undefined) return [];
  const { values } = bundle.config;
  const sizes = values.items(dimensions.raw).map((item) => values.integer(item));
  const channels = channelsOf(bundle);
  if (sizes.length !== 3 || sizes.includes(undefined) || sizes[0] === channels) return [];
  const message = `infer-dims has ${sizes[0]} channels, model-color-format has ${channels}; the order is channels;height;width`;
  return [problem("channels-mismatch", at(bundle, dimensions), message)];
}
