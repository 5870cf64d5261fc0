/** Reads which model is meant: the name of one on the device, or a directory. */

import { resolve } from "node:path";
import type { Reader } from "./readers.js";

const NAME = /^[A-Za-z0-9][\w.-]{0,127}(?:@[0-9A-Za-z][\w.+-]{0,63})?$/;
const MAX_PATH_BYTES = 4096;

/** NAME, NAME@VERSION, or a path: what holds a slash, or is . or .. */
export function modelReference(): Reader<string> {
  const allowed = "the name of a model, such as nanodet-coco or nanodet-coco@1.2.0, or a directory";
  return {
    allowed,
    json: { type: "string", maxLength: MAX_PATH_BYTES },
    read(text) {
      const isAllowed = isDirectory(text)
        ? Buffer.byteLength(text) <= MAX_PATH_BYTES && !text.includes("\0")
        : NAME.test(text);
      if (isAllowed) return { t: "value", value: text };
      return { t: "refused", refusals: [{ value: text, allowed }] };
    },
  };
}

/** A relative directory is taken from `cwd`; a name stays one. */
export function absoluteReference(cwd: string, reference: string): string {
  return isDirectory(reference) ? resolve(cwd, reference) : reference;
}

export function isDirectory(reference: string): boolean {
  return reference.includes("/") || reference === "." || reference === "..";
}
