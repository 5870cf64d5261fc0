/** Reads the data files in catalogue/, which lies beside the compiled output. */

import { readFile } from "node:fs/promises";
import { Catalogue } from "./catalogue.js";
import type {
  ElementsFile,
  FactsFile,
  GStreamerFile,
  NvinferKeysFile,
  OnnxOperatorsFile,
  SeenFile,
  TargetsFile,
} from "./data.js";

const DIRECTORY = new URL("../../../../catalogue/", import.meta.url);

export async function loadCatalogue(directory: URL = DIRECTORY): Promise<Catalogue> {
  // The files are our own: their shapes are checked by the tests, not at every start.
  const read = async <T>(name: string): Promise<T> =>
    JSON.parse(await readFile(new URL(name, directory), "utf8")) as T;
  const [elements, seen, gstreamer, targets, keys, onnx, facts] = await Promise.all([
    read<ElementsFile>("deepstream-elements.json"),
    read<SeenFile>("seen-9.0.2-dgpu.json"),
    read<GStreamerFile>("gstreamer-elements.json"),
    read<TargetsFile>("targets.json"),
    read<NvinferKeysFile>("nvinfer-keys.json"),
    read<OnnxOperatorsFile>("onnx-operators.json"),
    read<FactsFile>("release-facts.json"),
  ]);
  return new Catalogue({ elements, seen, gstreamer, targets, keys, onnx, facts });
}
