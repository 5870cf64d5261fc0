/**
 * Records the golden answers again: `node record.js COMMIT`, with HZN_BIN or an hzn on PATH built from that commit.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { environment } from "../../../common/environment.js";
import type { ConstraintFile, PlacementFile, Question } from "./cases.js";
import { goldenFolder, questionOfConstraint, questionOfPlacement, readGolden } from "./cases.js";
import { askHzn, describeHzn, findHzn } from "./hzn.js";

const hzn = findHzn(environment);
const commit = process.argv[2];
if (hzn === undefined || commit === undefined) throw new Error("usage: HZN_BIN=... record COMMIT");
const program = describeHzn(hzn, commit);

const placement = readGolden<PlacementFile>("placement.json");
write("placement.json", {
  program,
  cases: await answered(hzn, placement.cases, questionOfPlacement),
});

const constraints = readGolden<ConstraintFile>("constraints.json");
write("constraints.json", {
  program,
  properties: constraints.properties,
  cases: await answered(hzn, constraints.cases, (given) =>
    questionOfConstraint(constraints, given),
  ),
});

async function answered<T extends object>(
  program: string,
  cases: readonly T[],
  questionOf: (given: T) => Question,
): Promise<object[]> {
  const results: object[] = [];
  for (const given of cases)
    results.push({ ...given, answer: await askHzn(program, questionOf(given)) });
  return results;
}

function write(name: string, value: object): void {
  writeFileSync(join(goldenFolder, name), `${JSON.stringify(value, null, 2)}\n`);
}
