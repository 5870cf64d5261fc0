/**
 * Records the golden answers again: `node record.js COMMIT`, with HZN_BIN or an hzn on PATH built from that commit.
 */

import { writeFileSync } from "node:fs";
import { environment } from "../../../common/environment.js";
import { describeHzn, findHzn } from "../../policy/golden/hzn.js";
import { askVerify, definitionFile, readDefinitionFile } from "./cases.js";

const hzn = findHzn(environment);
const commit = process.argv[2];
if (hzn === undefined || commit === undefined) throw new Error("usage: HZN_BIN=... record COMMIT");

const cases: object[] = [];
for (const given of readDefinitionFile().cases) {
  cases.push({ ...given, answer: await askVerify(hzn, given) });
}
const file = { program: describeHzn(hzn, commit), cases };
writeFileSync(definitionFile, `${JSON.stringify(file, null, 2)}\n`);
