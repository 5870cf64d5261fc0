/** The labels of a model bundle: what its classes are called. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** Undefined: the agent cannot read them; the sidecar may. Never throws. */
export function readLabels(bundlePath: string): readonly string[] | undefined {
  try {
    const config = readFileSync(resolve(bundlePath, "config_infer.txt"), "utf8");
    const file = /^[ \t]*labelfile-path[ \t]*=[ \t]*(.*\S)[ \t\r]*$/m.exec(config)?.[1];
    if (file === undefined) return undefined;
    const lines = readFileSync(resolve(bundlePath, file), "utf8").split("\n");
    return lines.flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));
  } catch {
    return undefined;
  }
}
