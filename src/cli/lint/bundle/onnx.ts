/** Reads what the linter needs from an ONNX file, and skips the weights: operator set, graph, batch size. */

export interface OnnxFacts {
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly graph: Graph;
  readonly functions: readonly LocalFunction[];
  readonly weightBytes: number;
  /** Batch size of the first input; undefined: any. */
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
  if (opset === 0) throw new OnnxError("it has no operator set: is it an ONNX file?");
  if (graph === undefined) throw new OnnxError("it has no graph: is it an ONNX file?");
  return { opset, graph, functions, weightBytes: graph.weightBytes, batch: batchOf(graph) };
}

function standardOpset(file: Protobuf, message: Field): number | undefined {
  const domain = file.find(message, OPSET.domain);
  const name = domain === undefined ? "" : file.text(domain);
  if (name !== "" && name !== "ai.onnx") return undefined;
  return file.find(message, OPSET.version)?.value;
}

/** Old exporters list the weights as inputs too. */
function batchOf(graph: Graph): number | undefined {
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs.find(({ name }) => !initializers.has(name))?.batch;
}

/** The name of a tensor, and its data type as onnx.proto numbers it; 0: unknown. */
interface TypedName {
  readonly name: string;
  readonly type: number;
}

type Input = TypedName & { readonly batch: number | undefined };

export interface Graph {
  readonly nodes: readonly Node[];
  readonly initializers: readonly TypedName[];
  readonly inputs: readonly Input[];
  readonly outputs: readonly TypedName[];
  readonly weightBytes: number;
}

export interface Node {
  readonly operator: string;
  /** Often empty. */
  readonly name: string;
  /** An empty name: the optional input is not given. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

interface Attribute {
  /** Numbers or a text; empty for tensors and graphs. */
  readonly values: readonly (number | string)[];
  /** Data type of a tensor. */
  readonly tensor: number | undefined;
  readonly graphs: readonly Graph[];
}

/** A function that the file defines: nodes call it by its name, like an operator. */
interface LocalFunction {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly nodes: readonly Node[];
}

/** Nesting of graphs: bodies of If, Loop and Scan. */
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

function readGraph(file: Protobuf, message: Field, depth = 0): Graph {
  if (depth > DEEPEST) throw new OnnxError(`its graphs are nested more than ${DEEPEST} deep`);
  const graph = {
    nodes: [] as Node[],
    initializers: [] as TypedName[],
    inputs: [] as Input[],
    outputs: [] as TypedName[],
    weightBytes: 0,
  };
  for (const field of file.fields(message)) {
    if (field.number === GRAPH.node) graph.nodes.push(readNode(file, field, depth));
    else if (field.number === GRAPH.input) graph.inputs.push(readInput(file, field));
    else if (field.number === GRAPH.output) graph.outputs.push(readInput(file, field));
    else if (field.number === GRAPH.initializer) {
      graph.initializers.push(readTensor(file, field));
      graph.weightBytes += field.length;
    }
  }
  return graph;
}

function readFunction(file: Protobuf, message: Field): LocalFunction {
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

function readTensor(file: Protobuf, message: Field): TypedName {
  let name = "";
  let type = 0;
  for (const field of file.fields(message)) {
    if (field.number === TENSOR.name) name = file.text(field);
    else if (field.number === TENSOR.type) type = field.value;
  }
  return { name, type };
}

/** An input or output of a graph. */
function readInput(file: Protobuf, message: Field): Input {
  const name = file.find(message, VALUE.name);
  const tensor = file.find(message, VALUE.type, TYPE.tensor);
  const type = file.find(tensor, TENSOR_TYPE.type)?.value ?? 0;
  const size = firstDimension(file, file.find(tensor, TENSOR_TYPE.shape)) ?? 0;
  return {
    name: name === undefined ? "" : file.text(name),
    type,
    batch: size > 0 ? size : undefined,
  };
}

function firstDimension(file: Protobuf, shape: Field | undefined): number | undefined {
  if (shape === undefined) return undefined;
  for (const field of file.fields(shape)) {
    if (field.number === SHAPE.dimension) return file.find(field, DIMENSION.value)?.value;
  }
  return undefined;
}

/** What is wrong with the file. */
export class OnnxError extends Error {
  override readonly name = "OnnxError";
}

/** Returns the bytes from an offset; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Buffer;

/** A field of a protobuf message. */
interface Field {
  readonly number: number;
  readonly start: number;
  /** 0 for a number, which is in value. */
  readonly length: number;
  readonly value: number;
}

/** Bounds that no network reaches which fits on a board: the largest exports have some ten thousand nodes. */
const MOST_FIELDS = 1_000_000;
const MOST_NODES = 100_000;
const LONGEST_TEXT_BYTES = 16 * 1024;
const MOST_TEXT_BYTES = 64 * 1024 * 1024;
/** A tag and a length or number take at most 20 bytes. */
const HEADER_BYTES = 20;

/**
 * Walks the fields of protobuf messages in a file that may be anything: within bounds, counted over all messages, and
 * without reading contents that nobody asks for.
 */
class Protobuf {
  readonly #readAt: ReadAt;
  readonly #bytes: number;
  #fields = 0;
  #nodes = 0;
  #textBytes = 0;

  constructor(readAt: ReadAt, bytes: number) {
    this.#readAt = readAt;
    this.#bytes = bytes;
  }

  /** The fields of a message; without an argument those of the whole file. */
  *fields(message?: Pick<Field, "start" | "length">): Generator<Field> {
    const end = message === undefined ? this.#bytes : message.start + message.length;
    for (let offset = message?.start ?? 0; offset < end; ) {
      if (++this.#fields > MOST_FIELDS) {
        throw new OnnxError(`it has more than ${MOST_FIELDS} parts, as no network has`);
      }
      const header = this.#readAt(offset, Math.min(HEADER_BYTES, end - offset));
      const tag = readVarint(header, 0);
      const number = Math.floor(tag.value / 8);
      const wire = tag.value % 8;
      if (number === 0) throw new OnnxError("it is not an ONNX file");
      if (wire === 0) {
        const { value, next } = readVarint(header, tag.next);
        yield { number, start: offset + tag.next, length: 0, value };
        offset += next;
      } else if (wire === 2) {
        const { value: length, next } = readVarint(header, tag.next);
        if (offset + next + length > end)
          throw new OnnxError("it is cut short, or not an ONNX file");
        yield { number, start: offset + next, length, value: 0 };
        offset += next + length;
      } else if (wire === 5 || wire === 1) {
        offset += tag.next + (wire === 5 ? 4 : 8);
      } else {
        throw new OnnxError("it is not an ONNX file");
      }
    }
  }

  /** To be called for each node that is kept. */
  countNode(): void {
    if (++this.#nodes > MOST_NODES) {
      throw new OnnxError(`it has more than ${MOST_NODES} nodes, as no network has`);
    }
  }

  text({ start, length }: Field): string {
    this.#textBytes += length;
    if (length > LONGEST_TEXT_BYTES || this.#textBytes > MOST_TEXT_BYTES) {
      throw new OnnxError("it has longer names than a network has");
    }
    return this.#readAt(start, length).toString("utf8");
  }

  /** The numbers of a repeated field: one, or several packed into one. */
  numbers({ start, length, value }: Field): readonly number[] {
    if (length === 0) return [value];
    if (length > LONGEST_TEXT_BYTES) return []; // Data, not parameters.
    const packed = this.#readAt(start, length);
    const numbers: number[] = [];
    for (let offset = 0; offset < packed.length; ) {
      const { value, next } = readVarint(packed, offset);
      numbers.push(value);
      offset = next;
    }
    return numbers;
  }

  /** Follows field numbers inwards. Where a message has a field twice, the last one counts. */
  find(message: Field | undefined, ...path: readonly number[]): Field | undefined {
    let found = message;
    for (const number of path) {
      const outer = found;
      if (outer === undefined) return undefined;
      found = undefined;
      for (const field of this.fields(outer)) if (field.number === number) found = field;
    }
    return found;
  }
}

function readVarint(buffer: Buffer, from: number): { value: number; next: number } {
  let value = 0;
  for (let i = from; i < Math.min(buffer.length, from + 10); i++) {
    const byte = buffer[i] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * (i - from));
    if (byte < 0x80) return { value, next: i + 1 };
  }
  throw new OnnxError("it is cut short, or not an ONNX file");
}
