// Records again what the real `hzn` says of the package: `node record.js COMMIT`, with HZN_BIN or an hzn on PATH built from
// that commit.

import { writeFileSync } from "node:fs";
import { environment } from "../../../common/environment.js";
import { describeHzn, findHzn } from "../../policy/golden/hzn.js";
import { performWith, publicationFile } from "./publication.js";
import { askAll, verdictsFile } from "./verdicts.js";

const hzn = findHzn(environment);
const commit = process.argv[2];
if (hzn === undefined || commit === undefined) throw new Error("usage: HZN_BIN=... record COMMIT");
const program = describeHzn(hzn, commit);

write(verdictsFile, { program, ...(await askAll(hzn)) });
write(publicationFile, { program, runs: await performWith(hzn) });

function write(file: string, value: object): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
