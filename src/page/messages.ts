/** Takes a live stream's bytes apart into frames: src/agent/http/stream-format.ts says how they are sent. Pure. */

export interface Frame {
  readonly format: "H264" | "H265" | "JPEG";
  /** It can be decoded without earlier frames. */
  readonly isKey: boolean;
  /** Empty: the parameter sets are in the data. */
  readonly description: Uint8Array<ArrayBuffer>;
  readonly data: Uint8Array<ArrayBuffer>;
}

const HEAD = 7;
/** No frame is larger. */
const MOST_BYTES = 32 * 1024 * 1024;

/** Collects bytes as they come, and returns the frames that they complete. */
export class Messages {
  #bytes = new Uint8Array(256 * 1024);
  #length = 0;

  push(chunk: Uint8Array): Frame[] {
    this.#append(chunk);
    const frames: Frame[] = [];
    let start = 0;
    for (;;) {
      const view = new DataView(this.#bytes.buffer, start, this.#length - start);
      if (view.byteLength < HEAD) break;
      const end = 4 + view.getUint32(0);
      if (end > MOST_BYTES) throw new Error(`a frame of ${end} bytes`);
      if (view.byteLength < end) break;
      const flags = view.getUint8(4);
      const data = HEAD + view.getUint16(5);
      frames.push({
        format: flags & 4 ? "JPEG" : flags & 2 ? "H265" : "H264",
        isKey: (flags & 1) !== 0,
        description: this.#bytes.slice(start + HEAD, start + data),
        data: this.#bytes.slice(start + data, start + end),
      });
      start += end;
    }
    this.#bytes.copyWithin(0, start, this.#length);
    this.#length -= start;
    return frames;
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(2 * needed);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = needed;
  }
}

/** What WebCodecs calls the codec of a key frame. */
export function codecOf({ format, description, data }: Frame): string {
  if (format !== "H264") return "hev1.1.6.L153.B0";
  // Profile, constraints and level: behind the version, or in the sequence parameter set.
  const from = description.length > 0 ? 1 : parameterSet(data) + 1;
  const source = description.length > 0 ? description : data;
  const hex = [...source.subarray(from, from + 3)].map((byte) =>
    byte.toString(16).padStart(2, "0"),
  );
  return `avc1.${hex.join("")}`;
}

/** Where the first sequence parameter set of a byte stream begins. */
function parameterSet(data: Uint8Array): number {
  for (let at = 0; at + 3 < data.length; at++) {
    const isStart = data[at] === 0 && data[at + 1] === 0 && data[at + 2] === 1;
    if (isStart && ((data[at + 3] ?? 0) & 0x1f) === 7) return at + 3;
  }
  return 0;
}
