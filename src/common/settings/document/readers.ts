/** Readers of values that only the settings document has. */

import { ID, ID_FORM } from "../camera-id.js";
import { type CameraUri, readCameraUri } from "../camera-uri.js";
import type { Reader } from "../readers.js";

/** A line of text cannot hold them, nor can UTF-8 hold a lone surrogate. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}]/u;

/** Id of a camera or an output. */
export function identifier(): Reader<string> {
  return reader(ID_FORM, ID, 63);
}

/** A name that people read. */
export function label(maxLength: number): Reader<string> {
  return reader(`1 to ${maxLength} printable characters`, /\S/, maxLength);
}

/** Of somebody who may watch: clients write it between quotes, and a colon ends it. */
export function viewerName(): Reader<string> {
  return reader('1 to 255 printable characters other than " : and \\', /^[^":\\]+$/, 255);
}

/** A text of any kind, which may be empty. */
export function text(maxLength: number): Reader<string> {
  return reader(`at most ${maxLength} printable characters`, undefined, maxLength);
}

/** A number that need not be whole. */
export function decimal(min: number, max: number): Reader<number> {
  const allowed = `a number from ${min} to ${max}`;
  return {
    allowed,
    json: { type: "number", minimum: min, maximum: max },
    read(value) {
      const number = Number(value);
      if (number >= min && number <= max) return { t: "value", value: number };
      return { t: "refused", refusals: [{ value, allowed }] };
    },
  };
}

const LONGEST_ADDRESS = 2048;

/** A camera's address, with its login if it has one. */
export function cameraAddress(): Reader<Extract<CameraUri, { t: "uri" }>> {
  const allowed = "the address of a camera, such as rtsp://host/path";
  return {
    allowed,
    json: { type: "string", maxLength: LONGEST_ADDRESS },
    read(value) {
      if (value.length > LONGEST_ADDRESS || UNPRINTABLE.test(value)) {
        return { t: "refused", refusals: [{ value, allowed }] };
      }
      const uri = readCameraUri(value);
      if (uri.t === "uri") return { t: "value", value: uri };
      return { t: "refused", refusals: [{ value, allowed: uri.allowed, hint: uri.hint }] };
    },
  };
}

function reader(allowed: string, pattern: RegExp | undefined, maxLength: number): Reader<string> {
  return {
    allowed,
    json: { type: "string", maxLength, ...(pattern && { pattern: pattern.source }) },
    read(value) {
      const isAllowed =
        value.length <= maxLength && pattern?.test(value) !== false && !UNPRINTABLE.test(value);
      if (isAllowed) return { t: "value", value };
      return { t: "refused", refusals: [{ value, allowed }] };
    },
  };
}
