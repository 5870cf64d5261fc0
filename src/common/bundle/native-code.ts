/** Finds native code in a bundle: what nvinfer or TensorRT would load into the sidecar and run. */

import { BundleError, CONFIG, type Manifest } from "./manifest.js";
import type { Signed, Trust } from "./signature.js";

/** Shared libraries, and TensorRT engines, which may embed plugins. */
const NATIVE_NAME = /\.(?:so(?:\.[\w.]*)?|dll|dylib|engine|plan|trt)$/i;
const ELF = Buffer.from("\x7fELF", "latin1");
/** Keys that name a library: of nvinfer, and of the elements around it, such as nvtracker and nvdspreprocess. Readers differ in what ends a line and what is a blank: where it stands
 * does not matter, unless it is in what every reader takes for a comment. */
const NATIVE_KEY = /custom-lib-(?:path|name)|ll-lib-file/;
const COMMENT = /^[ \t]*#[\t\x20-\x7e\x80-\xff]*\r?$/;
/** Of the configuration. Longer ones are refused: nvinfer's take a few kilobytes. */
const LONGEST_CONFIG_BYTES = 1024 * 1024;

/** Collects what is native in the files of one bundle as they pass by. */
export class NativeCode {
  readonly #found: string[] = [];

  constructor({ files }: Manifest) {
    for (const { path } of files) if (NATIVE_NAME.test(path)) this.#found.push(path);
  }

  /** In words, at most one line: `libyolo.so, custom-lib-path in config_infer.txt`. Empty: none. */
  get found(): string {
    return [...new Set(this.#found)].slice(0, 5).join(", ");
  }

  /** Passes on the content of a file. Throws BundleError for a configuration that is too long to be searched. */
  async *watch(path: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let start = Buffer.alloc(0);
    for await (const chunk of content) {
      if (path === CONFIG && start.length + chunk.length > LONGEST_CONFIG_BYTES) {
        throw new BundleError(path, `is longer than ${LONGEST_CONFIG_BYTES} bytes`);
      }
      if (path === CONFIG || start.length < ELF.length) start = Buffer.concat([start, chunk]);
      yield chunk;
    }
    if (start.subarray(0, ELF.length).equals(ELF)) this.#found.push(path);
    const key = path === CONFIG ? libraryKey(start.toString("latin1")) : undefined;
    if (key !== undefined) this.#found.push(`${key} in ${CONFIG}`);
  }

  /** Throws BundleError for native code that the trust does not cover. */
  check(signed: Signed, { nativeCode }: Trust): void {
    const { found } = this;
    if (found === "" || nativeCode === "any") return;
    const isTrusted = signed.t === "trusted";
    if (isTrusted && nativeCode === "signed") return;
    const needs = [
      ...(isTrusted ? [] : ["must be signed by a trusted key (MODEL_KEYS)"]),
      ...(nativeCode === "signed" ? [] : ["must be allowed (ALLOW_NATIVE_CODE=yes)"]),
    ];
    throw new BundleError("archive", `holds native code (${found}), which ${needs.join(" and ")}`);
  }
}

function libraryKey(config: string): string | undefined {
  const lines = config.toLowerCase().split("\n");
  return lines
    .map((line) => (COMMENT.test(line) ? undefined : NATIVE_KEY.exec(line)?.[0]))
    .find(Boolean);
}
