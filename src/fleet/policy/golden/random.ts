/** Random pairs of policies: a node's and a deployment's, each with properties and with constraints on the other's. */

import type { SeededRandom } from "../../../common/testing/seeded-random.js";
import { type Question, questionOfPlacement } from "./cases.js";

const NAMES = ["ring", "board", "site", "driver", "nvidia", "codecs", "level", "empty"];
const OPERATORS = ["==", "=", "!=", "<", "<=", ">", ">=", "in", "=>", "<>", "==="];
const WORDS = [
  ...["t4", "nano", "true", "false", "1", "2", "-1", "0.5", "1e3", "7.1", "7.1.0", "550.54.14"],
  ...['"North Hall"', '"t4,nano"', '"[1.0.0,2.0.0)"', "[1.0.0,8.0)", '""', "North", "a:b"],
  ...["1.0.0-rc1", "h264", '"h264,h265"', "'t4'", "+1", ".5", "x_y-z"],
];
const SENSIBLE: readonly (readonly [operators: readonly string[], words: readonly string[]])[] = [
  [
    ["==", "=", "!=", "<", "<=", ">", ">="],
    ["1", "2", "-1", "0.5", "1.5"],
  ],
  [
    ["==", "=", "!="],
    ["t4", "nano", "true", "false", "7.1.0", "550.54.14", '"North Hall"', "h264", "1.0.0-rc1"],
  ],
  [["in"], ['"t4,nano"', '"[1.0.0,8.0.0)"', '"h264,h265"', '"[7.1,INFINITY)"', '"nano"']],
];
const VALUES: readonly (readonly [value: unknown, type: string | undefined])[] = [
  [1, "int"],
  [2, undefined],
  [-1, "int"],
  [0.5, "float"],
  [1.5, undefined],
  ["t4", "string"],
  ["nano", undefined],
  ["North Hall", "string"],
  ["", undefined],
  ["t4,nano", undefined],
  ["h264, h265", "list of strings"],
  ["7.1.0", "version"],
  ["7.1", "version"],
  ["550.54.14", undefined],
  ["1.0.0-rc1", undefined],
  [true, "boolean"],
  [false, undefined],
  ["true", undefined],
];

export function randomQuestion(random: SeededRandom): Question {
  return questionOfPlacement({
    name: "",
    arch: "amd64",
    node: { properties: properties(random), constraints: constraints(random) },
    deployment: { properties: properties(random), constraints: constraints(random) },
    servicePolicy: random.chance(0.3)
      ? { properties: properties(random), constraints: constraints(random) }
      : {},
  });
}

function properties(random: SeededRandom): object[] {
  return NAMES.filter(() => random.chance(0.7)).map((name) => {
    const [value, type] = random.pick(VALUES);
    return { name, value, ...(type === undefined ? {} : { type }) };
  });
}

function constraints(random: SeededRandom): string[] {
  return random.list(0, 2, () => expression(random, 2));
}

function expression(random: SeededRandom, depth: number): string {
  if (depth === 0 || random.chance(0.5)) return clause(random);
  const parts = random.list(2, 3, () => expression(random, depth - 1));
  const text = parts.join(random.pick([" AND ", " OR ", " && ", " || "]));
  return random.chance(0.4) ? `(${text})` : text;
}

/** Mostly a sensible one: if all clauses were random, nearly every policy would be refused. */
function clause(random: SeededRandom): string {
  if (random.chance(0.9)) {
    const [operators, words] = random.pick(SENSIBLE);
    return `${random.pick(NAMES)} ${random.pick(operators)} ${random.pick(words)}`;
  }
  const operator = random.chance(0.9) ? random.pick(OPERATORS.slice(0, 8)) : random.pick(OPERATORS);
  const space = random.chance(0.9) || operator === "in" ? " " : "";
  return `${random.pick(NAMES)}${space}${operator}${space}${random.pick(WORDS)}`;
}
