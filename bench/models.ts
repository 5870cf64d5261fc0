// Measures each shipped model bundle that has its network, on the demo clip.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { annotate } from "../src/cli/model/import/python.js";

const MODELS = "models";
/** Finds objects for the bundles that work on those of another. */
const DETECTOR = "nanodet-coco";
const FOOTAGE = "footage/demo.mp4";

export interface ModelCost {
  readonly name: string;
  /** CPU time of an inference on one core. */
  readonly inferenceMs: number;
  /** On the frame of the demo clip that has most of them. */
  readonly objects: number;
}

export async function measureModels(): Promise<ModelCost[]> {
  const names = readdirSync(MODELS).filter((name) =>
    existsSync(join(MODELS, name, "network.onnx")),
  );
  const directory = await mkdtemp(join(tmpdir(), "slip-"));
  try {
    const costs: ModelCost[] = [];
    for (const name of names) {
      const tried = { file: FOOTAGE, png: join(directory, `${name}.png`) };
      const bundle = join(MODELS, name);
      const bundles = worksOnObjects(bundle) ? [join(MODELS, DETECTOR), bundle] : [bundle];
      const { milliseconds, objects } = await annotate(bundles, tried);
      costs.push({ name, inferenceMs: milliseconds ?? Number.NaN, objects: objects?.length ?? 0 });
    }
    return costs;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function worksOnObjects(bundle: string): boolean {
  return /^process-mode=2$/m.test(readFileSync(join(bundle, "config_infer.txt"), "utf8"));
}
