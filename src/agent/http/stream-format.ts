/** How the frames of a live stream are sent to a browser: as messages, which src/page/messages.ts takes apart. */

import type { EncodedFrame } from "../sidecar/state.js";
import type { Chunk } from "./live-streams.js";

const IS_KEY = 1;
const IS_H265 = 2;
const IS_JPEG = 4;

export function videoChunk({ isH265, isKey, description, data }: EncodedFrame): Chunk {
  const flags = (isKey ? IS_KEY : 0) | (isH265 ? IS_H265 : 0);
  return { bytes: message(flags, description, data), isKey };
}

export function previewChunk(jpeg: Uint8Array): Chunk {
  return { bytes: message(IS_KEY | IS_JPEG, new Uint8Array(), jpeg), isKey: true };
}

/**
 * Length of all that follows (four bytes, the highest first), flags (one byte), length of the description (two bytes),
 * description, data.
 */
function message(flags: number, description: Uint8Array, data: Uint8Array): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt32BE(3 + description.length + data.length);
  head.writeUInt8(flags, 4);
  head.writeUInt16BE(description.length, 5);
  return Buffer.concat([head, description, data]);
}
