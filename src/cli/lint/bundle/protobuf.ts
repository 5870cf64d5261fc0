/** Walks the fields of protobuf messages in a file that may be anything: within bounds, and without reading contents. */

/** A problem of the file itself, for a person. */
export class OnnxError extends Error {
  override readonly name = "OnnxError";
}

/** Gives the bytes from an offset; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Buffer;

export interface Field {
  readonly number: number;
  readonly start: number;
  /** 0 for a number: then value is it. */
  readonly length: number;
  readonly value: number;
}

/** More than any network has that fits on a board: the largest exports have some ten thousand nodes. */
const MOST_FIELDS = 1_000_000;
const MOST_NODES = 100_000;
const LONGEST_TEXT_BYTES = 16 * 1024;
const MOST_TEXT_BYTES = 64 * 1024 * 1024;
/** A tag and a length or number take at most 20 bytes. */
const HEADER_BYTES = 20;

/** Reads one file. What it reads is counted over all messages. */
export class Protobuf {
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

  /** Called for each node that is kept. */
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
    if (length > LONGEST_TEXT_BYTES) return []; // Values, not parameters.
    const packed = this.#readAt(start, length);
    const numbers: number[] = [];
    for (let offset = 0; offset < packed.length; ) {
      const { value, next } = readVarint(packed, offset);
      numbers.push(value);
      offset = next;
    }
    return numbers;
  }

  /** The last field of a number; a repeated scalar means its last value. */
  find(message: Field, number: number): Field | undefined {
    let found: Field | undefined;
    for (const field of this.fields(message)) if (field.number === number) found = field;
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
  throw new OnnxError("it is cut short, or no ONNX file");
}
