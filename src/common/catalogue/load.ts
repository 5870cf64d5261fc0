/** Reads the data files in catalogue/, a directory beside the compiled output. */

import { readFile } from "node:fs/promises";
import { Catalogue, type CatalogueFiles } from "./catalogue.js";

const DIRECTORY = new URL("../../../../catalogue/", import.meta.url);

const FILES: Readonly<Record<keyof CatalogueFiles, string>> = {
  elements: "deepstream-elements.json",
  seen: "seen-9.0.2-dgpu.json",
  gstreamer: "gstreamer-elements.json",
  targets: "targets.json",
  keys: "nvinfer-keys.json",
  decoders: "decoders.json",
  onnx: "onnx-operators.json",
  facts: "release-facts.json",
};

export async function loadCatalogue(directory: URL = DIRECTORY): Promise<Catalogue> {
  const read = async ([key, name]: readonly [string, string]) => [
    key,
    JSON.parse(await readFile(new URL(name, directory), "utf8")),
  ];
  const files = await Promise.all(Object.entries(FILES).map(read));
  // The files are our own: tests check their types, not every start.
  return new Catalogue(Object.fromEntries(files) as CatalogueFiles);
}
