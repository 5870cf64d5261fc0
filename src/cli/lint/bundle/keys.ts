/** Groups, keys and their values: does nvinfer of this release read them? */

import type { NvinferKey } from "../../../common/catalogue/data.js";
import { describeSpan, isWithin } from "../../../common/catalogue/release.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import type { Code } from "../../../common/problem-codes.js";
import { compareReleases } from "../../../common/release-number.js";
import { at, type Bundle, property } from "./bundle.js";
import type { Setting } from "./ini.js";

const CLASS_GROUP = /^class-attrs-(all|\d+)$/;

export function keyProblems(
  bundle: Bundle,
  target: Target,
  keys: readonly NvinferKey[],
): Problem[] {
  return [
    ...groupProblems(bundle),
    ...duplicateProblems(bundle),
    ...bundle.config.settings.flatMap((setting) => settingProblems(setting, bundle, target, keys)),
  ];
}

function kindOf(group: string): NvinferKey["group"] | undefined {
  if (group === "property") return "property";
  return CLASS_GROUP.test(group) ? "class-attrs" : undefined;
}

function groupProblems(bundle: Bundle): Problem[] {
  const problems = bundle.config.groups
    .filter(({ name }) => kindOf(name) === undefined)
    .map((group) => {
      const hint = didYouMean(
        closest(group.name, ["property", "class-attrs-all", "class-attrs-0"]),
      );
      const message = `nvinfer does not read the group [${group.name}]${hint}`;
      return problem("unknown-group", at(bundle, group), message);
    });
  if (!bundle.config.groups.some(({ name }) => name === "property")) {
    problems.push(problem("missing-key", bundle.file, "it has no group [property]"));
  }
  return problems;
}

function duplicateProblems(bundle: Bundle): Problem[] {
  const seen = new Map<string, Setting>();
  const problems: Problem[] = [];
  for (const setting of bundle.config.settings) {
    const name = `[${setting.group}] ${setting.key}`;
    const first = seen.get(name);
    if (first !== undefined) {
      const message = `${name} stands in line ${first.line} already: this one counts`;
      problems.push(problem("duplicate-key", at(bundle, setting), message));
    }
    seen.set(name, setting);
  }
  return problems;
}

function settingProblems(
  setting: Setting,
  bundle: Bundle,
  target: Target,
  keys: readonly NvinferKey[],
): Problem[] {
  const kind = kindOf(setting.group);
  if (kind === undefined) return []; // Told once, for the group.
  const path = at(bundle, setting);
  const tell = (code: Code, message: string) => [problem(code, path, message)];
  const key = keys.find(({ name, group }) => name === setting.key && group === kind);
  if (key === undefined) return tell("unknown-key", unknownKey(setting, kind, keys));
  if (!isWithin(key, target.release)) {
    const message = `nvinfer of ${describeTarget(target)} does not read ${key.name}; it is read ${describeSpan(key)}`;
    return tell("key-unavailable", message);
  }
  const refusal = checkValue(setting.value, key, target);
  if (refusal !== undefined) {
    return tell(refusal.code, `${key.name}=${setting.value}: ${refusal.message}`);
  }
  if (key.deprecated !== undefined && property(bundle, key.deprecated) === undefined) {
    return tell("deprecated-key", `${key.name} is the old way: use ${key.deprecated}`);
  }
  return [];
}

function unknownKey(setting: Setting, kind: string, keys: readonly NvinferKey[]): string {
  const other = keys.find(({ name }) => name === setting.key);
  if (other !== undefined) {
    const group = other.group === "property" ? "[property]" : "[class-attrs-all]";
    return `${setting.key} belongs into ${group}, not into [${setting.group}]`;
  }
  const names = keys.filter(({ group }) => group === kind).map(({ name }) => name);
  return `nvinfer has no key ${setting.key}${didYouMean(closest(setting.key, names))}`;
}

interface Refusal {
  readonly code: "wrong-type" | "out-of-range" | "unknown-value";
  readonly message: string;
}

function checkValue(value: string, key: NvinferKey, target: Target): Refusal | undefined {
  switch (key.type) {
    case "boolean":
      if (/^(0|1|true|false)$/.test(value)) return undefined;
      return { code: "wrong-type", message: "it takes 0 or 1" };
    case "enum":
      return checkChoice(value, key, target);
    case "int":
    case "float":
      return checkNumber(value, key.type, key);
    case "int-list":
    case "float-list":
      return checkList(value, key.type === "int-list" ? "int" : "float", key);
    default:
      if (value !== "") return undefined;
      return { code: "wrong-type", message: "it is empty: give a value or remove the key" };
  }
}

function checkChoice(value: string, key: NvinferKey, target: Target): Refusal | undefined {
  const choices = (key.enum ?? []).filter(
    ({ since, platforms }) =>
      compareReleases(target.release, since ?? key.since) >= 0 &&
      (platforms ?? [target.platform]).includes(target.platform),
  );
  if (choices.some((choice) => String(choice.value) === value)) return undefined;
  const allowed = choices.map((choice) => `${choice.value} (${choice.nick})`).join(", ");
  return { code: "unknown-value", message: `it is one of ${allowed}` };
}

function checkNumber(
  text: string,
  type: "int" | "float",
  { min, max }: Pick<NvinferKey, "min" | "max">,
): Refusal | undefined {
  const isNumber = type === "int" ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  if (!isNumber.test(text)) {
    return {
      code: "wrong-type",
      message: type === "int" ? "it takes a whole number" : "it takes a number",
    };
  }
  const number = Number(text);
  if (min !== undefined && number < min) {
    return { code: "out-of-range", message: `it is at least ${min}` };
  }
  if (max !== undefined && number > max) {
    return { code: "out-of-range", message: `it is at most ${max}` };
  }
  return undefined;
}

function checkList(value: string, type: "int" | "float", key: NvinferKey): Refusal | undefined {
  const items = value
    .replace(/;\s*$/, "")
    .split(";")
    .map((item) => item.trim());
  for (const item of items) {
    const refusal = checkNumber(item, type, key);
    if (refusal !== undefined) {
      return { ...refusal, message: `${refusal.message}, several are separated by semicolons` };
    }
  }
  if (key.length !== undefined && items.length !== key.length) {
    return {
      code: "out-of-range",
      message: `it takes ${key.length} numbers, separated by semicolons`,
    };
  }
  if (key.maxLength !== undefined && items.length > key.maxLength) {
    return { code: "out-of-range", message: `it takes at most ${key.maxLength} numbers` };
  }
  return undefined;
}
