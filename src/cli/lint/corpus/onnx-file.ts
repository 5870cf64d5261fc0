/** Makes the bytes of a small ONNX file. */

export interface OnnxShape {
  readonly opset: number;
  /** Batch size of the first input; 0 means any number. */
  readonly batch: number;
  readonly weightBytes: number;
  /** Sizes of an output, without the batch. Absent: there is none. */
  readonly output?: readonly number[];
  /** Operator of a node. Absent: there is none. */
  readonly operator?: string;
  /** The file that holds the weights. Absent: the network itself. */
  readonly weightFile?: string;
}

export function onnxFile(shapeOfFile: OnnxShape): Uint8Array {
  const { opset, batch, weightBytes, output = [], operator, weightFile } = shapeOfFile;
  const dimension = batch === 0 ? field(2, Buffer.from("N")) : number(1, batch);
  const shape = Buffer.concat([field(1, dimension), field(1, number(1, 3))]);
  const type = field(1, Buffer.concat([number(1, 1), field(2, shape)]));
  const input = Buffer.concat([field(1, Buffer.from("images")), field(2, type)]);
  // Old exporters list the weights among the inputs, and first.
  const weightAsInput = field(1, Buffer.from("w"));
  const entry = (name: string, text: string) =>
    Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(text))]);
  const values =
    weightFile === undefined
      ? [field(9, Buffer.alloc(weightBytes))]
      : [field(13, entry("location", weightFile)), number(14, 1)];
  const weight = Buffer.concat([field(8, Buffer.from("w")), ...values]);
  const node = (name: string) =>
    Buffer.concat([field(1, Buffer.from("images")), field(4, Buffer.from(name))]);
  const nodes = operator === undefined ? [] : [field(1, node(operator))];
  const sizes = [dimension, ...output.map((size) => number(1, size))].map((one) => field(1, one));
  const outputType = field(1, Buffer.concat([number(1, 1), field(2, Buffer.concat(sizes))]));
  const found = Buffer.concat([field(1, Buffer.from("out")), field(2, outputType)]);
  const inputs = [field(11, weightAsInput), field(11, input)];
  const outputs = output.length === 0 ? [] : [field(12, found)];
  const graph = Buffer.concat([...nodes, field(5, weight), ...inputs, ...outputs]);
  const operators = Buffer.concat([field(1, Buffer.from("")), number(2, opset)]);
  return Buffer.concat([number(1, 8), field(7, graph), field(8, operators)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function field(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}
