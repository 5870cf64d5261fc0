/** Rules for the groups, keys and values of an nvinfer configuration file: does nvinfer of this release read them? */

import type { NvinferKey } from "../../../common/catalogue/data.js";
import { describeSpan, isWithin } from "../../../common/catalogue/release.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import type { Code } from "../../../common/problem-codes.js";
import { compareReleases } from "../../../common/release-number.js";
import { type BadValue, checkRange, FLOAT, outOfRange, wrongType } from "../value.js";
import { at, type Bundle, property, type Setting } from "./bundle.js";

const CLASS_GROUP = /^class-attrs-(all|\d+)$/;
const GROUPS = ["property", "class-attrs-all", "class-attrs-0"];

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
  const { groups } = bundle.config;
  const problems = groups
    .filter(({ name }) => kindOf(name) === undefined)
    .map((group) => {
      const hint = didYouMean(closest(group.name, GROUPS));
      const message = `nvinfer does not read the group [${group.name}]${hint}`;
      return problem("unknown-group", at(bundle, group), message);
    });
  if (groups.some(({ name }) => name === "property")) return problems;
  return [...problems, problem("missing-key", bundle.file, "there is no group [property]")];
}

function duplicateProblems(bundle: Bundle): Problem[] {
  const seen = new Map<string, Setting>();
  return bundle.config.settings.flatMap((setting) => {
    const name = `[${setting.group}] ${setting.key}`;
    const first = seen.get(name);
    seen.set(name, setting);
    if (first === undefined) return [];
    const message = `${name} is set in line ${first.line} too: the last one counts`;
    return [problem("duplicate-key", at(bundle, setting), message)];
  });
}

function settingProblems(
  setting: Setting,
  bundle: Bundle,
  target: Target,
  keys: readonly NvinferKey[],
): Problem[] {
  const kind = kindOf(setting.group);
  if (kind === undefined) return []; // Reported once, for the group.
  const found = (code: Code, message: string) => [problem(code, at(bundle, setting), message)];
  const key = keys.find(({ name, group }) => name === setting.key && group === kind);
  if (key === undefined) return found("unknown-key", unknownKey(setting, kind, keys));
  if (!isWithin(key, target.release)) {
    const message = `nvinfer of ${describeTarget(target)} does not read ${key.name}; it is read ${describeSpan(key)}`;
    return found("key-unavailable", message);
  }
  const bad = checkValue(setting.value, key, target);
  if (bad !== undefined) return found(bad.code, `${key.name}=${setting.value}: ${bad.message}`);
  if (key.deprecated !== undefined && property(bundle, key.deprecated) === undefined) {
    return found("deprecated-key", `${key.name} is deprecated: use ${key.deprecated}`);
  }
  return [];
}

function unknownKey(setting: Setting, kind: string, keys: readonly NvinferKey[]): string {
  const other = keys.find(({ name }) => name === setting.key);
  if (other !== undefined) {
    const group = other.group === "property" ? "[property]" : "[class-attrs-all]";
    return `${setting.key} belongs in ${group}, not in [${setting.group}]`;
  }
  const names = keys.filter(({ group }) => group === kind).map(({ name }) => name);
  return `nvinfer has no key ${setting.key}${didYouMean(closest(setting.key, names))}`;
}

function checkValue(value: string, key: NvinferKey, target: Target): BadValue | undefined {
  switch (key.type) {
    case "boolean":
      return /^(0|1|true|false)$/.test(value) ? undefined : wrongType("it takes 0 or 1");
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
      return wrongType("it is empty: give a value or remove the key");
  }
}

function checkChoice(value: string, key: NvinferKey, target: Target): BadValue | undefined {
  const choices = (key.enum ?? []).filter(
    ({ since, platforms }) =>
      compareReleases(target.release, since ?? key.since) >= 0 &&
      (platforms ?? [target.platform]).includes(target.platform),
  );
  if (choices.some((choice) => String(choice.value) === value)) return undefined;
  const allowed = choices.map((choice) => `${choice.value} (${choice.nick})`).join(", ");
  return { code: "unknown-value", message: `it is one of ${allowed}` };
}

function checkNumber(text: string, type: "int" | "float", key: NvinferKey): BadValue | undefined {
  const isNumber = type === "int" ? /^[+-]?\d+$/ : FLOAT;
  if (isNumber.test(text)) return checkRange(Number(text), key);
  return wrongType(type === "int" ? "it takes a whole number" : "it takes a number");
}

function checkList(value: string, type: "int" | "float", key: NvinferKey): BadValue | undefined {
  const items = value.replace(/;\s*$/, "").split(";");
  for (const item of items) {
    const bad = checkNumber(item.trim(), type, key);
    if (bad !== undefined) {
      return { ...bad, message: `${bad.message}, several are separated by semicolons` };
    }
  }
  if (key.length !== undefined && items.length !== key.length) {
    return outOfRange(`it takes ${key.length} numbers, separated by semicolons`);
  }
  if (key.maxLength !== undefined && items.length > key.maxLength) {
    return outOfRange(`it takes at most ${key.maxLength} numbers`);
  }
  return undefined;
}
