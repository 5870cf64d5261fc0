/** Writes the configuration of an imported network. Pure. */

import type { Colour, Family, Fit, Normalisation } from "../../../common/catalogue/data.js";

/** How a frame becomes the network's input. */
export interface Preparation {
  readonly normalise: Normalisation;
  readonly colour: Colour;
  readonly fit: Fit;
}

/** What the configuration says. */
export interface Imported {
  readonly title: string;
  readonly family: Family;
  readonly preparation: Preparation;
  readonly channelsLast: boolean;
  readonly width: number;
  readonly height: number;
  readonly classes: number;
  /** The network normalises by itself, with factors of its own for each channel. */
  readonly normalisesItself: boolean;
}

/** The factor and the summand of each channel, in the network's order. Undefined: nvinfer's one factor is enough. */
export function affineOf({ normalise, colour }: Preparation): [number[], number[]] | undefined {
  const inOrder = (values: readonly number[]) =>
    colour === "bgr" ? [...values].reverse() : [...values];
  const divisors = inOrder(normalise.divisor);
  if (divisors.every((one) => one === divisors[0])) return undefined;
  const offsets = inOrder(normalise.offset);
  return [
    divisors.map((divisor) => 1 / divisor),
    divisors.map((divisor, i) => -(offsets[i] ?? 0) / divisor),
  ];
}

export function configText(imported: Imported): string {
  const { family, preparation, channelsLast, width, height, classes } = imported;
  const { normalise, colour, fit } = preparation;
  const itself = imported.normalisesItself;
  const offsets = colour === "bgr" ? [...normalise.offset].reverse() : normalise.offset;
  const decoding =
    family.decoder === "SlipstreamDetectNet"
      ? ["network-type=0"]
      : ["network-type=100", "output-tensor-meta=1", `parse-bbox-func-name=${family.decoder}`];
  const lines = [
    `# ${imported.title}: ${family.title}, ${classes} ${classes === 1 ? "class" : "classes"}. Written by slipstream model import.`,
    "",
    "[property]",
    "gie-unique-id=1",
    "process-mode=1",
    "gpu-id=0",
    "batch-size=1",
    "network-mode=2",
    ...decoding,
    "",
    "onnx-file=network.onnx",
    "labelfile-path=labels.txt",
    `num-detected-classes=${classes}`,
    "interval=0",
    "",
    `infer-dims=3;${height};${width}`,
    `network-input-order=${channelsLast ? 1 : 0}`,
    `model-color-format=${colour === "bgr" ? 1 : 0}`,
    `maintain-aspect-ratio=${fit === "stretch" ? 0 : 1}`,
    ...(fit === "centre" ? ["symmetric-padding=1"] : []),
    "scaling-filter=1",
    ...(itself ? ["# The network normalises each channel by itself."] : []),
    `net-scale-factor=${itself ? 1 : 1 / (normalise.divisor[0] ?? 1)}`,
    ...(itself || offsets.every((one) => one === 0) ? [] : [`offsets=${offsets.join(";")}`]),
    "",
    family.suppressed
      ? "# The network suppresses overlapping boxes itself.\ncluster-mode=4"
      : "cluster-mode=2",
    "",
    "[class-attrs-all]",
    `pre-cluster-threshold=${family.threshold}`,
    ...(family.suppressed ? [] : ["nms-iou-threshold=0.45"]),
    "topk=300",
  ];
  return `${lines.join("\n")}\n`;
}
