/** Rules for the groups, keys and values of an nvinfer configuration file: does nvinfer of this release read them? */

import type { NvinferKey } from "../../../common/catalogue/data.js";
import { describeSpan, isWithin } from "../../../common/catalogue/release.js";
import { type AnyTarget, describeTarget } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import type { Code } from "../../../common/problem-codes.js";
import { compareReleases } from "../../../common/release-number.js";
import { type BadValue, checkRange, outOfRange, wrongType } from "../value.js";
import {
  at,
  type Bundle,
  channelsOf,
  classesOf,
  NETWORK_TYPE,
  networkTypeOf,
  property,
} from "./bundle.js";
import type { Group, Setting, ValueReader } from "./key-file.js";

const CLASS_GROUP = "class-attrs-";
const GROUPS = ["property", "class-attrs-all", "class-attrs-0"];
/** nvinfer reads the class groups of these; the sidecar's own decoders read those of raw tensors. */
const WITH_CLASSES: readonly number[] = [
  NETWORK_TYPE.detector,
  NETWORK_TYPE.instances,
  NETWORK_TYPE.other,
];

export function keyProblems(
  bundle: Bundle,
  target: AnyTarget,
  keys: readonly NvinferKey[],
): Problem[] {
  return [
    ...groupProblems(bundle),
    ...duplicateProblems(bundle),
    ...offsetProblems(bundle),
    ...effectiveSettings(bundle).flatMap((setting) =>
      settingProblems(setting, bundle, target, keys),
    ),
  ];
}

/** Undefined: nvinfer does not read the group. */
function kindOf(group: string, bundle: Bundle): NvinferKey["group"] | undefined {
  if (group === "property") return "property";
  const isRead = group.startsWith(CLASS_GROUP) && WITH_CLASSES.includes(networkTypeOf(bundle));
  return isRead ? "class-attrs" : undefined;
}

function groupProblems(bundle: Bundle): Problem[] {
  const { groups } = bundle.config;
  // A group may be continued later on.
  const first = groups.filter(({ name }, i) => groups.findIndex((one) => one.name === name) === i);
  const problems = first.flatMap((group) => {
    const kind = kindOf(group.name, bundle);
    if (kind === "property") return [];
    if (kind === "class-attrs") return classGroupProblems(group, bundle);
    const hint = didYouMean(closest(group.name, GROUPS));
    const message = `nvinfer ignores the group [${group.name}]${hint}`;
    return [problem("unknown-group", at(bundle, group), message)];
  });
  if (groups.some(({ name }) => name === "property")) return problems;
  return [...problems, problem("missing-key", bundle.file, "there is no group [property]")];
}

/** [class-attrs-all] or the group of one class, whose number nvinfer reads as C's strtoull does. */
function classGroupProblems(group: Group, bundle: Bundle): Problem[] {
  const suffix = group.name.slice(CLASS_GROUP.length);
  if (suffix === "all") return [];
  const id = /^\s*[+-]?\d+/.exec(suffix)?.[0];
  const count = classesOf(bundle);
  if (count === undefined) return []; // It is reported itself.
  if (id !== undefined && Number(id) >= 0 && Number(id) < count) return [];
  const what = id === undefined ? `"${suffix}" is no class id` : `there is no class ${Number(id)}`;
  const message = `[${group.name}]: ${what}; num-detected-classes=${count} allows 0 to ${count - 1}`;
  return [problem("class-group-unknown", at(bundle, group), message)];
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

const MOST_OFFSETS = 4;

/** nvinfer refuses them when it starts. It does not read them if another element prepares its input. */
function offsetProblems(bundle: Bundle): Problem[] {
  const offsets = property(bundle, "offsets");
  const { values } = bundle.config;
  const prepared = property(bundle, "input-tensor-from-meta");
  if (offsets === undefined || (prepared !== undefined && values.boolean(prepared.raw))) return [];
  const items = values.items(offsets.raw);
  const channels = channelsOf(bundle);
  const isReported =
    items.length > MOST_OFFSETS || items.some((one) => values.float(one) === undefined);
  if (isReported || items.length === 0 || items.length === channels) return [];
  const message = `offsets has ${items.length} values, the network's input has ${channels} channels (model-color-format)`;
  return [problem("channels-mismatch", at(bundle, offsets), message)];
}

/** Of a key that is given twice, GLib hands over the last setting alone; from YAML, nvinfer reads one after the other. */
export function effectiveSettings({ config }: Bundle): readonly Setting[] {
  if (config.form === "YAML") return config.settings;
  return [...new Map(config.settings.map((one) => [`[${one.group}] ${one.key}`, one])).values()];
}

/** What nvinfer makes of a setting. */
export type KeyReading =
  /** Its group is not read, or the key is not read beside its successor. */
  | { readonly t: "passed over" }
  | { readonly t: "unknown"; readonly kind: NvinferKey["group"] }
  | { readonly t: "of another release"; readonly key: NvinferKey }
  /** Another form of the file has the key. */
  | { readonly t: "of key files"; readonly key: NvinferKey }
  /** bad: why the value is refused. */
  | { readonly t: "read"; readonly key: NvinferKey; readonly bad: BadKeyValue | undefined };

export function readKey(
  setting: Setting,
  bundle: Bundle,
  target: AnyTarget,
  keys: readonly NvinferKey[],
): KeyReading {
  const kind = kindOf(setting.group, bundle);
  if (kind === undefined) return { t: "passed over" };
  const key = keys.find(({ name, group }) => name === setting.key && group === kind);
  if (key === undefined) return { t: "unknown", kind };
  if (target.engine === "deepstream" && !isWithin(key, target.release)) {
    return { t: "of another release", key };
  }
  const { deprecated } = key;
  if (deprecated !== undefined && bundle.config.form === "YAML") return { t: "of key files", key };
  if (kind === "property" && deprecated !== undefined && property(bundle, deprecated) !== undefined)
    return { t: "passed over" };
  return { t: "read", key, bad: checkValue(setting, key, target, bundle.config.values) };
}

function settingProblems(
  setting: Setting,
  bundle: Bundle,
  target: AnyTarget,
  keys: readonly NvinferKey[],
): Problem[] {
  const found = (code: Code, message: string) => [problem(code, at(bundle, setting), message)];
  const reading = readKey(setting, bundle, target, keys);
  switch (reading.t) {
    case "passed over":
      return [];
    case "unknown":
      return found("unknown-key", unknownKey(setting, reading.kind, keys));
    case "of another release": {
      const { name } = reading.key;
      const where = target.engine === "cpu" ? "here" : `of ${describeTarget(target)}`;
      const message = `nvinfer ${where} ignores ${name}; it is read ${describeSpan(reading.key)}`;
      return found("key-unavailable", message);
    }
    case "of key files": {
      const { name, deprecated } = reading.key;
      return found("key-unavailable", `nvinfer ignores ${name} in YAML: use ${deprecated}`);
    }
    case "read": {
      const { key, bad } = reading;
      if (bad !== undefined) return found(bad.code, `${key.name}=${setting.value}: ${bad.message}`);
      if (key.deprecated === undefined) return [];
      return found("deprecated-key", `${key.name} is deprecated: use ${key.deprecated}`);
    }
    default:
      return reading satisfies never;
  }
}

function unknownKey(setting: Setting, kind: string, keys: readonly NvinferKey[]): string {
  const other = keys.find(({ name }) => name === setting.key);
  if (other !== undefined) {
    const group = other.group === "property" ? "[property]" : "[class-attrs-all]";
    return `nvinfer ignores ${setting.key} here: it belongs in ${group}, not in [${setting.group}]`;
  }
  const names = keys.filter(({ group }) => group === kind).map(({ name }) => name);
  return `nvinfer ignores ${setting.key}, which is none of its keys${didYouMean(closest(setting.key, names))}`;
}

/** Of another code than those of a property. */
export type BadKeyValue = BadValue | { readonly code: "empty-value"; readonly message: string };

function checkValue(
  { raw, value }: Setting,
  key: NvinferKey,
  target: AnyTarget,
  values: ValueReader,
): BadKeyValue | undefined {
  switch (key.type) {
    case "boolean":
      return values.boolean(raw) === undefined
        ? wrongType(`it takes 0 or 1${hintOn(raw)}`)
        : undefined;
    case "enum":
      return checkChoice(raw, key, target, values);
    case "int":
    case "float":
      return checkNumber(raw, key.type, key, values);
    case "int-list":
    case "float-list":
      return checkList(raw, key.type === "int-list" ? "int" : "float", key, values);
    case "string-list":
      return values
        .items(raw)
        .every((item) => values.text(item.replaceAll("\\;", ";")) !== undefined)
        ? undefined
        : notText();
    default:
      if (raw.includes("\0")) return wrongType("it holds a NUL character: correct it");
      if (values.text(raw) === undefined) return notText();
      if (value !== "") return undefined;
      if (key.type === "path" && !key.written && !key.mayBeEmpty)
        return wrongType("it is empty: give a value or remove the key");
      return { code: "empty-value", message: "it is empty, as if the key were not there" };
  }
}

function notText(): BadValue {
  return wrongType(
    "it is not UTF-8 text, or has a backslash in front of another letter than s, n, t or r: write \\\\ for a backslash",
  );
}

/** Why a value that looks right to people is none for nvinfer. */
function hintOn(raw: string): string {
  if (raw.includes("#")) return "; a comment needs a line of its own";
  if (raw !== raw.trimEnd()) return "; remove the blank at the end";
  if (/^[+-]?\d+,\d+$/.test(raw)) return "; decimals follow a point";
  if (/^(true|yes|on|false|no|off)$/i.test(raw)) return `; write ${/^[tyo]n?/i.test(raw) ? 1 : 0}`;
  return "";
}

function checkChoice(
  raw: string,
  key: NvinferKey,
  target: AnyTarget,
  values: ValueReader,
): BadValue | undefined {
  const choices = (key.enum ?? []).filter(
    ({ since, platforms }) =>
      target.engine === "cpu" ||
      (compareReleases(target.release, since ?? key.since) >= 0 &&
        (platforms ?? [target.platform]).includes(target.platform)),
  );
  const given = values.integer(raw);
  if (given === undefined) return notWhole(raw);
  if (choices.some(({ value }) => value === given)) return undefined;
  const allowed = choices.map((choice) => `${choice.value} (${choice.nick})`).join(", ");
  return { code: "unknown-value", message: `it is one of ${allowed}` };
}

function checkNumber(
  raw: string,
  type: "int" | "float",
  key: NvinferKey,
  values: ValueReader,
): BadValue | undefined {
  const value = type === "int" ? values.integer(raw) : values.float(raw);
  // nvinfer would take them, and no box would ever pass such a threshold.
  if (value !== undefined && Number.isFinite(value)) return checkRange(value, key);
  return type === "float" ? wrongType(`it takes a number${hintOn(raw)}`) : notWhole(raw);
}

function notWhole(raw: string): BadValue {
  if (/^[+-]?\d+$/.test(raw.trim())) return outOfRange("it takes an integer of 32 bits");
  return wrongType(`it takes a whole number${hintOn(raw)}`);
}

function checkList(
  raw: string,
  type: "int" | "float",
  key: NvinferKey,
  values: ValueReader,
): BadValue | undefined {
  const items = values.items(raw);
  for (const item of items) {
    const bad = checkNumber(item, type, key, values);
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
