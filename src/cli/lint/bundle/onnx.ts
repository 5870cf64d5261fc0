/** Reads what matters here from an ONNX file without reading its weights: operator set, graph, size of weights, batch. */

import { type Graph, type LocalFunction, readFunction, readGraph } from "./onnx-graph.js";
import { type Field, OnnxError, Protobuf, type ReadAt } from "./protobuf.js";

export interface OnnxFacts {
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly graph: Graph;
  readonly functions: readonly LocalFunction[];
  readonly weightBytes: number;
  /** Pictures that the first input takes at once; undefined: any number. */
  readonly batch: number | undefined;
}

// Field numbers of onnx.proto.
const MODEL = { graph: 7, opsetImport: 8, functions: 25 };
const OPSET = { domain: 1, version: 2 };

export function readOnnx(readAt: ReadAt, bytes: number): OnnxFacts {
  const file = new Protobuf(readAt, bytes);
  let opset = 0;
  let graph: Graph | undefined;
  const functions: LocalFunction[] = [];
  for (const field of file.fields()) {
    if (field.number === MODEL.graph) graph = readGraph(file, field);
    else if (field.number === MODEL.functions) functions.push(readFunction(file, field));
    else if (field.number === MODEL.opsetImport) opset = standardOpset(file, field) ?? opset;
  }
  if (opset === 0) throw new OnnxError("it names no operator set: is it an ONNX file?");
  if (graph === undefined) throw new OnnxError("it has no graph: is it an ONNX file?");
  return { opset, graph, functions, weightBytes: graph.weightBytes, batch: batchOf(graph) };
}

function standardOpset(file: Protobuf, message: Field): number | undefined {
  const domain = file.find(message, OPSET.domain);
  const name = domain === undefined ? "" : file.text(domain);
  if (name !== "" && name !== "ai.onnx") return undefined;
  return file.find(message, OPSET.version)?.value;
}

/** Old exporters list the weights among the inputs. */
function batchOf(graph: Graph): number | undefined {
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs.find(({ name }) => !initializers.has(name))?.batch;
}
