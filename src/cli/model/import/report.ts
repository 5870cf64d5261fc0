/** What an import says about the network: what it is, what was made of it, and where it runs. */

import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { Family } from "../../../common/catalogue/data.js";
import { findBoard } from "../../../common/catalogue/targets.js";
import { hasErrors } from "../../../common/problem.js";
import { textTable } from "../../../common/text-table.js";
import { onnxFacts, readBundle } from "../../lint/bundle/bundle.js";
import { frameInputs, type Node, type OnnxFacts } from "../../lint/bundle/onnx.js";
import { parserRefusals } from "../../lint/bundle/tensorrt-parser.js";
import { lint } from "../../lint/lint.js";
import type { Preparation } from "./config-text.js";
import { describeOutputs, namesOf } from "./family.js";
import type { Frame } from "./import.js";
import type { Annotated, Fitted } from "./python.js";

export interface ImportFacts {
  readonly name: string;
  /** The bundle's directory, and where it lies until it is whole. */
  readonly target: string;
  readonly made: string;
  readonly network: OnnxFacts;
  readonly family: Family;
  readonly why: string;
  readonly preparation: Preparation;
  readonly frame: Frame;
  readonly labels: readonly string[];
  readonly fitted: Fitted;
  readonly annotated: Annotated;
  readonly png: string;
  /** Nodes that are TensorRT's plugins, which a CPU cannot run. */
  readonly plugins: readonly Node[];
}

export async function report(facts: ImportFacts, catalogue: Catalogue): Promise<string> {
  const { family, preparation, frame, labels, fitted, annotated, network } = facts;
  const { normalise, colour, fit } = preparation;
  const batch = fitted.batch === null ? "any number of frames" : `${fitted.batch} frame`;
  const shown = labels.slice(0, 4).join(", ");
  const rows = [
    ["family", `${family.title}: ${facts.why}`],
    ["decoder", `${family.decoder}${family.suppressed ? "" : ", then NMS"}`],
    ["opset", String(network.opset)],
    ["input", `${frame.width}x${frame.height}, ${batch} at once`],
    ["prepared", `${normalise.id}, ${colour}, ${fit}`],
    ["classes", `${labels.length}: ${shown}${labels.length > 4 ? ", ..." : ""}`],
    ...labelsText(facts).map((one) => ["labels", one]),
    ...fitted.done.map((one) => ["changed", one]),
    ["engine cpu", cpuText(facts)],
    ["engine deepstream", obstacleOf(facts) ?? "where the table below says so"],
    ...(annotated.objects === null ? [] : [["found", foundText(facts)]]),
  ];
  return [
    `${facts.target}`,
    textTable(rows),
    "",
    await boardsText(facts, catalogue),
    "",
    `Run it: MODEL=${facts.target} make dev\n`,
  ].join("\n");
}

function cpuText({ annotated, plugins }: ImportFacts): string {
  if (annotated.milliseconds !== null)
    return `${annotated.milliseconds.toFixed(1)} ms an inference, on one core of this machine`;
  const names = [...new Set(plugins.map(({ operator }) => operator))].join(", ");
  return `it does not run: ${names} exists in TensorRT only`;
}

/** Why no nvinfer runs it: it wants a batch in front of every output, and outputs of one size. */
function obstacleOf({ network: { graph } }: ImportFacts): string | undefined {
  const [frame] = frameInputs(graph);
  if (frame?.shape.length === 3) return "it does not run: the network takes frames without a batch";
  const loose = graph.outputs.find(
    ({ shape, batchName }) =>
      (shape.length === 1 && shape[0] !== 1) ||
      (shape.length > 1 && shape[0] === undefined && batchName !== frame?.batchName),
  );
  if (loose === undefined) return undefined;
  return `it does not run: the output ${describeOutputs([loose])} has no batch, and a size of its own for each frame`;
}

/** Where labels differ from those that the exporter wrote. */
function labelsText({ network, labels }: ImportFacts): readonly string[] {
  const names = namesOf(network) ?? labels;
  const index = labels.findIndex((label, i) => label !== names[i]);
  if (index < 0) return [];
  return [`class ${index} is ${labels[index]}, and the network's metadata says ${names[index]}`];
}

function foundText({ annotated, png }: ImportFacts): string {
  const counts = new Map<string, number>();
  for (const { label } of annotated.objects ?? []) counts.set(label, (counts.get(label) ?? 0) + 1);
  const all = [...counts].map(([label, count]) => `${count} ${label}`).join(", ");
  return `${all || "nothing"}: ${png}`;
}

/** Per board, whether its TensorRT parses every operator, and whether the whole bundle runs there. */
async function boardsText(facts: ImportFacts, catalogue: Catalogue): Promise<string> {
  const { made } = facts;
  const fitted = onnxFacts(`${made}/network.onnx`);
  const { bundle } = await readBundle(made, catalogue);
  const details: string[] = [];
  const rows = catalogue.targets.boards.map(({ id, name }) => {
    const found = findBoard(catalogue.targets, id);
    if (found.t !== "target" || fitted.t !== "onnx") return [id, name, "", ""];
    const { target } = found;
    const tensorrt = target.tensorrt ?? "";
    const refused =
      tensorrt === "" ? [] : parserRefusals(fitted.onnx, tensorrt, catalogue.onnx, false);
    const problems = lint({ bundle }, target, catalogue);
    for (const { severity, message } of problems) {
      if (severity !== "notice") details.push(`${id}: ${message}`);
    }
    const isRefused = obstacleOf(facts) !== undefined || hasErrors(problems);
    const verdict =
      refused.length === 0
        ? "every operator"
        : `not: ${refused.map(({ what }) => what).join(", ")}`;
    return [id, `TensorRT ${tensorrt}`, verdict, isRefused ? "does not run" : "runs"];
  });
  const source = `From catalogue/onnx-operators.json (${catalogue.onnx.sources[0] ?? ""}).`;
  return [textTable([["BOARD", "PARSER", "PARSES", "BUNDLE"], ...rows]), ...details, source].join(
    "\n",
  );
}
