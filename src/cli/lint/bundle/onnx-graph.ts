/** The graph of an ONNX file, with all graphs inside it, and without its weights. */

import { type Field, OnnxError, type Protobuf } from "./protobuf.js";

/** A name and the type of its numbers, as onnx.proto numbers them; 0: not said. */
export interface Value {
  readonly name: string;
  readonly type: number;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly initializers: readonly Value[];
  readonly inputs: readonly (Value & { readonly batch: number | undefined })[];
  readonly outputs: readonly Value[];
  readonly weightBytes: number;
}

export interface Node {
  readonly operator: string;
  /** Often empty. */
  readonly name: string;
  /** An empty name: that input is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export interface Attribute {
  /** The number, the numbers or the text; nothing for tensors and graphs. */
  readonly values: readonly (number | string)[];
  /** Type of a tensor. */
  readonly tensor: number | undefined;
  readonly graphs: readonly Graph[];
}

/** A function of the file itself, which its nodes call by its name as if it were an operator. */
export interface LocalFunction {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly nodes: readonly Node[];
}

/** Graphs inside graphs: bodies of If, Loop and Scan. */
const DEEPEST = 16;

// Field numbers of onnx.proto.
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, i: 3, s: 4, t: 5, g: 6, ints: 8, strings: 9, graphs: 11 };
const TENSOR = { type: 2, name: 8 };
const VALUE = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { type: 1, shape: 2 };
const SHAPE = { dimension: 1 };
const DIMENSION = { value: 1 };
const FUNCTION = { name: 1, input: 4, node: 7 };

export function readGraph(file: Protobuf, message: Field, depth = 0): Graph {
  if (depth > DEEPEST)
    throw new OnnxError(`it has graphs inside graphs, more than ${DEEPEST} deep`);
  const graph = {
    nodes: [] as Node[],
    initializers: [] as Value[],
    inputs: [] as (Value & { batch: number | undefined })[],
    outputs: [] as Value[],
    weightBytes: 0,
  };
  for (const field of file.fields(message)) {
    if (field.number === GRAPH.node) graph.nodes.push(readNode(file, field, depth));
    else if (field.number === GRAPH.input) graph.inputs.push(readValue(file, field));
    else if (field.number === GRAPH.output) graph.outputs.push(readValue(file, field));
    else if (field.number === GRAPH.initializer) {
      graph.initializers.push(readTensor(file, field));
      graph.weightBytes += field.length;
    }
  }
  return graph;
}

export function readFunction(file: Protobuf, message: Field): LocalFunction {
  let name = "";
  const inputs: string[] = [];
  const nodes: Node[] = [];
  for (const field of file.fields(message)) {
    if (field.number === FUNCTION.name) name = file.text(field);
    else if (field.number === FUNCTION.input) inputs.push(file.text(field));
    else if (field.number === FUNCTION.node) nodes.push(readNode(file, field, 0));
  }
  return { name, inputs, nodes };
}

function readNode(file: Protobuf, message: Field, depth: number): Node {
  file.countNode();
  let operator = "";
  let name = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  for (const field of file.fields(message)) {
    if (field.number === NODE.input) inputs.push(file.text(field));
    else if (field.number === NODE.output) outputs.push(file.text(field));
    else if (field.number === NODE.name) name = file.text(field);
    else if (field.number === NODE.operator) operator = file.text(field);
    else if (field.number === NODE.attribute) readAttribute(file, field, depth, attributes);
  }
  return { operator, name, inputs, outputs, attributes };
}

function readAttribute(
  file: Protobuf,
  message: Field,
  depth: number,
  attributes: Map<string, Attribute>,
): void {
  let name = "";
  let tensor: number | undefined;
  const values: (number | string)[] = [];
  const graphs: Graph[] = [];
  for (const field of file.fields(message)) {
    const { number } = field;
    if (number === ATTRIBUTE.name) name = file.text(field);
    else if (number === ATTRIBUTE.i || number === ATTRIBUTE.ints)
      values.push(...file.numbers(field));
    else if (number === ATTRIBUTE.s) values.push(file.text(field));
    else if (number === ATTRIBUTE.t) tensor = readTensor(file, field).type;
    else if (number === ATTRIBUTE.g || number === ATTRIBUTE.graphs)
      graphs.push(readGraph(file, field, depth + 1));
  }
  attributes.set(name, { values, tensor, graphs });
}

function readTensor(file: Protobuf, message: Field): Value {
  let name = "";
  let type = 0;
  for (const field of file.fields(message)) {
    if (field.number === TENSOR.name) name = file.text(field);
    else if (field.number === TENSOR.type) type = field.value;
  }
  return { name, type };
}

function readValue(file: Protobuf, message: Field): Value & { readonly batch: number | undefined } {
  const name = file.find(message, VALUE.name);
  const tensor = findIn(file, message, [VALUE.type, TYPE.tensor]);
  const type = tensor && file.find(tensor, TENSOR_TYPE.type);
  const shape = tensor && file.find(tensor, TENSOR_TYPE.shape);
  const first = shape && firstOf(file, shape, SHAPE.dimension);
  const size = first && file.find(first, DIMENSION.value)?.value;
  return {
    name: name === undefined ? "" : file.text(name),
    type: type?.value ?? 0,
    batch: size !== undefined && size > 0 ? size : undefined,
  };
}

function findIn(file: Protobuf, message: Field, path: readonly number[]): Field | undefined {
  let found: Field | undefined = message;
  for (const number of path) found = found && file.find(found, number);
  return found;
}

function firstOf(file: Protobuf, message: Field, number: number): Field | undefined {
  for (const field of file.fields(message)) if (field.number === number) return field;
  return undefined;
}
