/** Reads what matters here from an ONNX file without reading its weights: operator set, size of weights, batch. */

/** A problem of the file itself, for a person. */
export class OnnxError extends Error {
  override readonly name = "OnnxError";
}

export interface OnnxFacts {
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly weightBytes: number;
  /** Pictures that the first input takes at once; undefined: any number. */
  readonly batch: number | undefined;
}

/** Gives the bytes from an offset; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Buffer;

// Field numbers of onnx.proto: ModelProto, GraphProto, ValueInfoProto, TypeProto, TensorShapeProto.
const MODEL = { graph: 7, opsetImport: 8 };
const OPSET = { domain: 1, version: 2 };
const GRAPH = { initializer: 5, input: 11 };
const INITIALIZER_NAME = 8;
const VALUE = { name: 1, type: 2 };
const TENSOR_TYPE = 1;
const SHAPE = 2;
const DIMENSION = 1;
const DIMENSION_VALUE = 1;

export function readOnnx(readAt: ReadAt, bytes: number): OnnxFacts {
  let opset = 0;
  let weightBytes = 0;
  const initializers = new Set<string>();
  const inputs: Buffer[] = [];
  for (const field of fields(readAt, 0, bytes)) {
    if (field.number === MODEL.opsetImport) {
      const message = readAt(field.start, field.length);
      const domain = text(message, OPSET.domain);
      if (domain === "" || domain === "ai.onnx") opset = varint(message, OPSET.version);
    } else if (field.number === MODEL.graph) {
      for (const inner of fields(readAt, field.start, field.start + field.length)) {
        if (inner.number === GRAPH.initializer) {
          weightBytes += inner.length;
          initializers.add(initializerName(readAt, inner));
        } else if (inner.number === GRAPH.input) {
          inputs.push(readAt(inner.start, inner.length));
        }
      }
    }
  }
  if (opset === 0) throw new OnnxError("it names no operator set: is it an ONNX file?");
  return { opset, weightBytes, batch: batchOf(inputs, initializers) };
}

/** Old exporters list the weights among the inputs. */
function batchOf(inputs: readonly Buffer[], initializers: ReadonlySet<string>): number | undefined {
  for (const input of inputs) {
    if (initializers.has(text(input, VALUE.name))) continue;
    let message = input;
    for (const step of [VALUE.type, TENSOR_TYPE, SHAPE, DIMENSION]) {
      message = firstMessage(message, step);
    }
    const size = varint(message, DIMENSION_VALUE);
    return size > 0 ? size : undefined;
  }
  return undefined;
}

interface Field {
  readonly number: number;
  readonly start: number;
  /** 0 for a number: then value is it. */
  readonly length: number;
  readonly value: number;
}

/** Walks the fields of one protobuf message; only their headers are read. */
function* fields(readAt: ReadAt, from: number, end: number): Generator<Field> {
  // A tag and a length or number take at most 20 bytes.
  const HEADER = 20;
  for (let offset = from; offset < end; ) {
    const header = readAt(offset, Math.min(HEADER, end - offset));
    const tag = readVarint(header, 0);
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    if (number === 0) throw new OnnxError("it is no ONNX file");
    if (wire === 0) {
      const { value, next } = readVarint(header, tag.next);
      yield { number, start: offset + tag.next, length: 0, value };
      offset += next;
    } else if (wire === 2) {
      const { value: length, next } = readVarint(header, tag.next);
      if (offset + next + length > end) throw new OnnxError("it is cut short, or no ONNX file");
      yield { number, start: offset + next, length, value: 0 };
      offset += next + length;
    } else if (wire === 5 || wire === 1) {
      offset += tag.next + (wire === 5 ? 4 : 8);
    } else {
      throw new OnnxError("it is no ONNX file");
    }
  }
}

function readVarint(buffer: Buffer, from: number): { value: number; next: number } {
  let value = 0;
  for (let i = from; i < Math.min(buffer.length, from + 10); i++) {
    const byte = buffer[i] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * (i - from));
    if (byte < 0x80) return { value, next: i + 1 };
  }
  throw new OnnxError("it is cut short, or no ONNX file");
}

function inMemory(buffer: Buffer): ReadAt {
  return (offset, length) => buffer.subarray(offset, offset + length);
}

function firstMessage(message: Buffer, number: number): Buffer {
  for (const field of fields(inMemory(message), 0, message.length)) {
    if (field.number === number) return message.subarray(field.start, field.start + field.length);
  }
  return Buffer.alloc(0);
}

function text(message: Buffer, number: number): string {
  return firstMessage(message, number).toString("utf8");
}

function varint(message: Buffer, number: number): number {
  for (const field of fields(inMemory(message), 0, message.length)) {
    if (field.number === number) return field.value;
  }
  return 0;
}

function initializerName(readAt: ReadAt, tensor: Field): string {
  for (const field of fields(readAt, tensor.start, tensor.start + tensor.length)) {
    if (field.number === INITIALIZER_NAME) {
      return readAt(field.start, field.length).toString("utf8");
    }
  }
  return "";
}
