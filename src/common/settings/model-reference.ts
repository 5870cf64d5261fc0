/** The format of a reference to a model: the name of one on the device, or a directory. */

import { resolve } from "node:path";
import { type Format, format } from "./format.js";

const NAME = /^[A-Za-z0-9][\w.-]{0,127}(?:@[0-9A-Za-z][\w.+-]{0,63})?$/;
const MAX_PATH_BYTES = 4096;

/** NAME, NAME@VERSION, or a path: anything with a slash, and . and .. */
export function modelReference(): Format<string> {
  return format(
    "the name of a model, such as nanodet-coco or nanodet-coco@1.2.0, or a directory",
    { type: "string", maxLength: MAX_PATH_BYTES },
    (text) => {
      const isAllowed = isDirectory(text)
        ? Buffer.byteLength(text) <= MAX_PATH_BYTES && !text.includes("\0")
        : NAME.test(text);
      return isAllowed ? text : undefined;
    },
  );
}

/** Resolves a relative directory against `cwd`. A name is returned as it is. */
export function absoluteReference(cwd: string, reference: string): string {
  return isDirectory(reference) ? resolve(cwd, reference) : reference;
}

export function isDirectory(reference: string): boolean {
  return reference.includes("/") || reference === "." || reference === "..";
}
