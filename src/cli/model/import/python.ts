/** Runs the project's Python: what changes networks, and the sidecar's inference. */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BundleError } from "../../../common/bundle/manifest.js";
import { environment } from "../../../common/environment.js";

const ROOT = fileURLToPath(new URL("../../../../../", import.meta.url));
const PYTHON = join(ROOT, ".venv/bin/python");
const MOST_OUTPUT_BYTES = 16 * 1024 * 1024;
const LONGEST_MS = 10 * 60 * 1000;

export interface Fitted {
  /** Frames that the network takes at once; null: any number. */
  readonly batch: number | null;
  readonly done: readonly string[];
}

/** See models/fit.py. */
export interface Wishes {
  readonly constants: Readonly<Record<string, unknown>>;
  readonly size: readonly number[] | null;
  readonly affine: readonly (readonly number[])[] | null;
}

export interface FoundObject {
  readonly label: string;
  readonly confidence: number;
}

/** See src/sidecar/worker/engines/cpu/annotate.py. */
export interface Annotated {
  readonly problems: readonly {
    readonly severity: string;
    readonly path: string;
    readonly message: string;
  }[];
  readonly milliseconds: number | null;
  readonly objects: readonly FoundObject[] | null;
}

export function fitNetwork(from: string, to: string, wishes: Wishes): Promise<Fitted> {
  return run([join(ROOT, "models/fit.py"), from, to, JSON.stringify(wishes)]);
}

/** The last bundle's speed, and what all find. file: a picture or a video, of which an annotated frame goes to png. */
export function annotate(
  bundles: readonly string[],
  tried: { readonly file: string; readonly png: string } | undefined,
): Promise<Annotated> {
  const options = tried === undefined ? [] : ["--file", tried.file, "--png", tried.png];
  return run(["-m", "sidecar.worker.engines.cpu.annotate", ...bundles, ...options]);
}

async function run<T>(args: readonly string[]): Promise<T> {
  if (!existsSync(PYTHON)) {
    throw new BundleError(PYTHON, "it is not there; make check installs what an import needs");
  }
  const paths = ["src", "src/sidecar/gen"].map((path) => join(ROOT, path));
  try {
    const { stdout } = await promisify(execFile)(PYTHON, [...args], {
      env: { ...environment, PYTHONPATH: paths.join(":") },
      maxBuffer: MOST_OUTPUT_BYTES,
      timeout: LONGEST_MS,
    });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as T;
  } catch (reason) {
    // The last line of a traceback says what is wrong.
    const stderr = reason instanceof Error && "stderr" in reason ? String(reason.stderr) : "";
    const why = stderr.trim().split("\n").at(-1) || String(reason);
    throw new BundleError(args[0] === "-m" ? "the network" : (args[1] ?? ""), why.slice(0, 500));
  }
}
