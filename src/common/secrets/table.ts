/** Reads the table by which agent and sidecar hide secrets. It lies beside the compiled output. */

import { readFileSync } from "node:fs";

interface TableFile {
  readonly harmlessNames: readonly string[];
  readonly harmlessWords: readonly string[];
  readonly secretNames: readonly string[];
}

const PATH = new URL("../../../../catalogue/address-parameters.json", import.meta.url);

/** The file says what its fields mean. */
export const TABLE = JSON.parse(readFileSync(PATH, "utf8")) as TableFile;
