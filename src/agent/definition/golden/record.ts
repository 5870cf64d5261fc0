// Records the golden answers anew: `node record.js COMMIT`, with HZN_BIN or an hzn on PATH built from that commit.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { findHzn } from "../../policy/golden/hzn.js";
import { askVerify, definitionFile, readDefinitionFile } from "./cases.js";

const hzn = findHzn(process.env);
const commit = process.argv[2];
if (hzn === undefined || commit === undefined) throw new Error("usage: HZN_BIN=... record COMMIT");
const version =
  /version: ([\d.]+)/.exec(execFileSync(hzn, ["version"], { encoding: "utf8" }))?.[1] ?? "";

const cases: object[] = [];
for (const given of readDefinitionFile().cases) {
  cases.push({ ...given, answer: await askVerify(hzn, given) });
}
const file = { program: { name: "hzn", version, commit }, cases };
writeFileSync(definitionFile, `${JSON.stringify(file, null, 2)}\n`);
