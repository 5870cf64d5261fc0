// `make version VERSION=0.2.0`: package.json is the source of the version; this also writes it to every file that cannot read it.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Place {
  readonly file: string;
  /** The version is between the two groups of each match. */
  readonly pattern: RegExp;
}

/** The version of this package, not of its dependencies. */
const NAMED = /("name": "slipstream",\n +"version": ")[^"]*(")/g;

const PLACES: readonly Place[] = [
  { file: "package.json", pattern: NAMED },
  { file: "package-lock.json", pattern: NAMED },
  { file: "horizon/hzn.json", pattern: /^( {4}"SERVICE_VERSION": ")[^"]*(",)$/gm },
  { file: "src/sidecar/version.py", pattern: /^(VERSION = ")[^"]*(")$/gm },
];

/** As Horizon reads versions. */
const VERSION = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}$/;

/** Writes the version to all files, or to none. @throws Error for an invalid version, or a file in which it is not found */
export function writeVersion(folder: string, version: string): void {
  if (!VERSION.test(version)) {
    throw new Error(`VERSION is "${version}": three numbers, as in 0.2.0`);
  }
  const written = PLACES.map(({ file, pattern }) => {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    if (text.search(pattern) < 0) throw new Error(`${file}: the version was not found`);
    return { path, text: text.replace(pattern, `$1${version}$2`) };
  });
  for (const { path, text } of written) writeFileSync(path, text);
}

if (process.argv[1] === import.meta.filename) {
  const [version = ""] = process.argv.slice(2);
  try {
    writeVersion(process.cwd(), version);
    console.error(`version: ${version}, in ${PLACES.map(({ file }) => file).join(", ")}`);
  } catch (error) {
    console.error(`version: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
