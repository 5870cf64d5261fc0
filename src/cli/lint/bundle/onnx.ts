/** Reads what the linter needs from an ONNX file, and skips the weights: operator set, graph, batch size. */

export interface OnnxFacts {
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly graph: Graph;
  readonly functions: readonly LocalFunction[];
  readonly weightBytes: number;
  /** The files that hold weights, relative to the network's directory. */
  readonly external: readonly string[];
  /** Batch size of the first input; undefined: any. */
  readonly batch: number | undefined;
  /** What the exporter wrote beside the graph, by key. */
  readonly metadata: ReadonlyMap<string, string>;
}

// Field numbers of onnx.proto.
const MODEL = { graph: 7, opsetImport: 8, metadata: 14, functions: 25 };
const ENTRY = { key: 1, value: 2 };
const OPSET = { domain: 1, version: 2 };

export function readOnnx(readAt: ReadAt, bytes: number): OnnxFacts {
  const file = new Protobuf(readAt, bytes);
  const model = file.fields();
  const opsets = model(MODEL.opsetImport).map((field) => standardOpset(file, field));
  const opset = opsets.findLast((one) => one !== undefined) ?? 0;
  if (opset === 0) throw new OnnxError("it has no operator set: is it an ONNX file?");
  const message = model(MODEL.graph).at(-1);
  if (message === undefined) throw new OnnxError("it has no graph: is it an ONNX file?");
  const graph = readGraph(file, message);
  const functions = model(MODEL.functions).map((field) => readFunction(file, field));
  const nodes = functions.flatMap((one) => one.nodes);
  const external = [...new Set([...locationsOf(graph), ...nodes.flatMap(locationsIn)])];
  const metadata = new Map(model(MODEL.metadata).map((field) => readEntry(file, field)));
  const batch = frameInputs(graph)[0]?.shape[0];
  const { weightBytes } = graph;
  return { opset, graph, functions, weightBytes, external, batch, metadata };
}

/** Undefined: it is the operator set of another domain. */
function standardOpset(file: Protobuf, message: Field): number | undefined {
  const fields = file.fields(message);
  const domain = file.text(fields(OPSET.domain));
  if (domain !== "" && domain !== "ai.onnx") return undefined;
  return fields(OPSET.version).at(-1)?.value;
}

function locationsOf({ initializers, nodes }: Graph): readonly string[] {
  const own = initializers.flatMap(({ location }) => location ?? []);
  return [...own, ...nodes.flatMap(locationsIn)];
}

function locationsIn({ attributes }: Node): readonly string[] {
  return [...attributes.values()].flatMap(({ tensor, graphs }) => [
    ...(tensor?.location === undefined ? [] : [tensor.location]),
    ...graphs.flatMap(locationsOf),
  ]);
}

/** The inputs that are to be given: old exporters list the weights as inputs too. */
export function frameInputs(graph: Graph): readonly Value[] {
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs.filter(({ name }) => !initializers.has(name));
}

function readEntry(file: Protobuf, message: Field): [string, string] {
  const fields = file.fields(message);
  // Some exporters write whole programs there.
  const short = fields(ENTRY.value).filter(({ length }) => length <= LONGEST_TEXT_BYTES);
  return [file.text(fields(ENTRY.key)), file.text(short)];
}

/** The name of a tensor, and its data type as onnx.proto numbers it; 0: unknown. */
interface TypedName {
  readonly name: string;
  readonly type: number;
}

/** location: the file that holds its values. Absent: the network itself. */
type Tensor = TypedName & { readonly location?: string };

/** An input or output of a graph, with the sizes of its shape; undefined: any. */
export type Value = TypedName & {
  readonly shape: readonly (number | undefined)[];
  /** What the exporter calls the first size where it is any, such as batch. */
  readonly batchName: string;
};

export interface Graph {
  readonly nodes: readonly Node[];
  readonly initializers: readonly Tensor[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
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
  readonly tensor: Tensor | undefined;
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
const TENSOR = { type: 2, name: 8, external: 13 };
const VALUE = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { type: 1, shape: 2 };
const SHAPE = { dimension: 1 };
const DIMENSION = { value: 1, name: 2 };
const FUNCTION = { name: 1, input: 4, node: 7 };

function readGraph(file: Protobuf, message: Field, depth = 0): Graph {
  if (depth > DEEPEST) throw new OnnxError(`its graphs are nested more than ${DEEPEST} deep`);
  const fields = file.fields(message);
  const initializers = fields(GRAPH.initializer);
  return {
    nodes: fields(GRAPH.node).map((field) => readNode(file, field, depth)),
    initializers: initializers.map((field) => readTensor(file, field)),
    inputs: fields(GRAPH.input).map((field) => readValue(file, field)),
    outputs: fields(GRAPH.output).map((field) => readValue(file, field)),
    weightBytes: initializers.reduce((sum, { length }) => sum + length, 0),
  };
}

function readFunction(file: Protobuf, message: Field): LocalFunction {
  const fields = file.fields(message);
  return {
    name: file.text(fields(FUNCTION.name)),
    inputs: file.texts(fields(FUNCTION.input)),
    nodes: fields(FUNCTION.node).map((field) => readNode(file, field, 0)),
  };
}

function readNode(file: Protobuf, message: Field, depth: number): Node {
  file.countNode();
  const fields = file.fields(message);
  return {
    operator: file.text(fields(NODE.operator)),
    name: file.text(fields(NODE.name)),
    inputs: file.texts(fields(NODE.input)),
    outputs: file.texts(fields(NODE.output)),
    attributes: new Map(fields(NODE.attribute).map((field) => readAttribute(file, field, depth))),
  };
}

function readAttribute(file: Protobuf, message: Field, depth: number): [string, Attribute] {
  const fields = file.fields(message);
  const numbers = [...fields(ATTRIBUTE.i), ...fields(ATTRIBUTE.ints)];
  const given = fields(ATTRIBUTE.t).at(-1);
  const graphs = [...fields(ATTRIBUTE.g), ...fields(ATTRIBUTE.graphs)];
  const attribute = {
    values: [...numbers.flatMap((one) => file.numbers(one)), ...file.texts(fields(ATTRIBUTE.s))],
    tensor: given && readTensor(file, given),
    graphs: graphs.map((graph) => readGraph(file, graph, depth + 1)),
  };
  return [file.text(fields(ATTRIBUTE.name)), attribute];
}

function readTensor(file: Protobuf, message: Field): Tensor {
  const fields = file.fields(message);
  const entries = fields(TENSOR.external).map((entry) => file.fields(entry));
  const location = entries.findLast((entry) => file.text(entry(ENTRY.key)) === "location");
  return {
    name: file.text(fields(TENSOR.name)),
    type: fields(TENSOR.type).at(-1)?.value ?? 0,
    ...(location === undefined ? {} : { location: file.text(location(ENTRY.value)) }),
  };
}

function readValue(file: Protobuf, message: Field): Value {
  const within = (parent: Field | undefined, number: number): readonly Field[] =>
    parent === undefined ? [] : file.fields(parent)(number);
  const tensor = within(within(message, VALUE.type).at(-1), TYPE.tensor).at(-1);
  const shape = within(tensor, TENSOR_TYPE.shape).at(-1);
  const dimensions = within(shape, SHAPE.dimension);
  const sizes = dimensions.map(
    (dimension) => within(dimension, DIMENSION.value).at(-1)?.value ?? 0,
  );
  return {
    name: file.text(within(message, VALUE.name)),
    type: within(tensor, TENSOR_TYPE.type).at(-1)?.value ?? 0,
    shape: sizes.map((size) => (size > 0 ? size : undefined)),
    batchName: file.text(within(dimensions[0], DIMENSION.name)),
  };
}

/** What is wrong with the file. */
export class OnnxError extends Error {
  override readonly name = "OnnxError";
}

/** Returns the bytes from an offset; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Buffer;

/** A field of a protobuf message. */
interface Field {
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

  /** The fields of a message, by their numbers; without an argument those of the whole file. */
  fields(message?: Field): (number: number) => readonly Field[] {
    const byNumber = new Map<number, Field[]>();
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
      const known = byNumber.get(number) ?? [];
      byNumber.set(number, known);
      if (wire === 0) {
        const { value, next } = readVarint(header, tag.next);
        known.push({ start: offset + tag.next, length: 0, value });
        offset += next;
      } else if (wire === 2) {
        const { value: length, next } = readVarint(header, tag.next);
        if (offset + next + length > end) {
          throw new OnnxError("it is cut short, or not an ONNX file");
        }
        known.push({ start: offset + next, length, value: 0 });
        offset += next + length;
      } else if (wire === 5 || wire === 1) {
        offset += tag.next + (wire === 5 ? 4 : 8);
      } else {
        throw new OnnxError("it is not an ONNX file");
      }
    }
    return (number) => byNumber.get(number) ?? [];
  }

  /** To be called for each node that is kept. */
  countNode(): void {
    if (++this.#nodes > MOST_NODES) {
      throw new OnnxError(`it has more than ${MOST_NODES} nodes, as no network has`);
    }
  }

  /** The text of the last of some fields, which is the one that counts; "" if there is none. */
  text(fields: readonly Field[]): string {
    return this.texts(fields.slice(-1))[0] ?? "";
  }

  texts(fields: readonly Field[]): string[] {
    return fields.map(({ start, length }) => {
      this.#textBytes += length;
      if (length > LONGEST_TEXT_BYTES || this.#textBytes > MOST_TEXT_BYTES) {
        throw new OnnxError("it has longer names than a network has");
      }
      return this.#readAt(start, length).toString("utf8");
    });
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
