/** The variables of Horizon's input files: from the environment, else from the project's hzn.json. */

import { dirname, join } from "node:path";
import { readIfThereSync } from "../files/durable.js";
import { InputError, problem } from "../problem.js";
import { isObject, type Lookup, parseDocument } from "./document.js";

/** Horizon has Go's names of architectures. */
const goArches: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** The variables of a file. hzn.json is in the folder of the file or in its subfolder `horizon/`. */
export function projectVariables(file: string, environment: NodeJS.ProcessEnv): Lookup {
  const project = readProject(dirname(file));
  const fallback = goArches[process.arch] ?? process.arch;
  return (name) =>
    environment[name] || project.get(name) || (name === "ARCH" ? fallback : undefined);
}

function readProject(folder: string): ReadonlyMap<string, string> {
  for (const file of [join(folder, "hzn.json"), join(folder, "horizon", "hzn.json")]) {
    const source = readIfThereSync(file);
    if (source !== undefined) return variablesOf(file, source);
  }
  return new Map();
}

function variablesOf(file: string, source: string): ReadonlyMap<string, string> {
  const document = parseDocument(file, source, () => undefined);
  if (!isObject(document.value)) {
    throw new InputError([problem("wrong-document", document.placeOf([]), "must be an object")]);
  }
  const { MetadataVars: metadata, ...own } = document.value;
  const entries = Object.entries({ ...own, ...(isObject(metadata) ? metadata : {}) });
  return new Map(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
