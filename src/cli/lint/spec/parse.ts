/** Parses a PipelineSpec from proto3 JSON. Field names may have either spelling, bundlePath or bundle_path. */

import { closest } from "../../../common/closest.js";
import { isObject, type JsonObject, parseDocument } from "../../../common/json/document.js";
import { didYouMean, InputError, type Problem, problem } from "../../../common/problem.js";
import {
  type Field,
  type FieldType,
  MESSAGES,
  type Message,
  type MessageName,
  type Scalar,
  type Spec,
} from "./schema.js";

export interface SpecReading {
  readonly spec: Spec | undefined;
  readonly problems: readonly Problem[];
}

/** file: its name, for problems of the text as a whole. */
export function parseSpec(text: string, file: string): SpecReading {
  let json: unknown;
  try {
    json = parseDocument(file, text).value;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { spec: undefined, problems: error.problems };
  }
  if (!isObject(json)) {
    const wrong = problem("not-json", { file, path: "" }, "must be an object { }");
    return { spec: undefined, problems: [wrong] };
  }
  const problems: Problem[] = [];
  const read = readMessage(json, "PipelineSpec", "", problems);
  // readMessage keeps only what the schema says the type of.
  const spec = { cameras: [], models: [], outputs: [], ...read } as Spec;
  return { spec, problems };
}

function readMessage(
  json: JsonObject,
  name: MessageName,
  path: string,
  problems: Problem[],
): Record<string, unknown> {
  const message = MESSAGES[name];
  const read: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(json)) {
    const key = given.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const field = Object.hasOwn(message, key) ? message[key] : undefined;
    const at = path === "" ? key : `${path}.${key}`;
    if (field === undefined) {
      problems.push(problem("unknown-field", at, unknownField(given, name, message)));
    } else if (value !== null) {
      const taken = readField(value, field, at, problems);
      if (taken !== undefined) read[key] = taken;
    }
  }
  return read;
}

function unknownField(given: string, name: MessageName, message: Message): string {
  return `${name} has no field ${given}${didYouMean(closest(given, Object.keys(message)))}`;
}

function readField(value: unknown, field: Field, path: string, problems: Problem[]): unknown {
  if (!field.repeated) return readValue(value, field.type, path, problems);
  if (!Array.isArray(value)) {
    problems.push(problem("wrong-type", path, "it is a list [ ]"));
    return undefined;
  }
  // An unreadable element keeps its index, so that later paths stay right.
  return value.map((item, i) => readValue(item, field.type, `${path}[${i}]`, problems) ?? {});
}

function readValue(value: unknown, type: FieldType, path: string, problems: Problem[]): unknown {
  const wrong = (expected: string): undefined => {
    problems.push(problem("wrong-type", path, `it is ${expected}`));
    return undefined;
  };
  switch (type.t) {
    case "message":
      return isObject(value) ? readMessage(value, type.of, path, problems) : wrong("an object { }");
    case "enum":
      return readEnum(value, type, path, problems);
    case "scalar":
      return readScalar(value, type.of) ?? wrong(EXPECTED[type.of]);
    default:
      return type satisfies never;
  }
}

const EXPECTED = {
  string: 'a string, "..."',
  uint32: "a whole number from 0 to 4294967295",
  uint64: "a whole number, from 2^53 on in quotes",
  float: "a number",
  bool: "true or false",
  time: 'a time such as "2026-01-31T06:00:00Z"',
  duration: 'a number of seconds with an s, for example "0.1s"',
} as const satisfies Readonly<Record<Scalar, string>>;

/** RFC 3339, as proto3 JSON writes a Timestamp. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Undefined: the value is of another type. */
function readScalar(value: unknown, type: Scalar): unknown {
  switch (type) {
    case "string":
      return typeof value === "string" ? value : undefined;
    case "bool":
      return typeof value === "boolean" ? value : undefined;
    case "float":
      return typeof value === "number" ? value : undefined;
    case "uint32":
      return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32
        ? value
        : undefined;
    case "uint64":
      // proto3 JSON writes it as a string.
      return /^\d{1,20}$/.test(String(value)) && BigInt(String(value)) < 2n ** 64n
        ? Number(value)
        : undefined;
    case "time":
      return typeof value === "string" && TIME.test(value) && !Number.isNaN(Date.parse(value))
        ? value
        : undefined;
    case "duration": {
      const seconds =
        typeof value === "string" ? /^(\d+(?:\.\d{1,9})?)s$/.exec(value)?.[1] : undefined;
      return seconds === undefined ? undefined : Number(seconds) * 1000;
    }
    default:
      return type satisfies never;
  }
}

function readEnum(
  value: unknown,
  { prefix, values }: Extract<FieldType, { t: "enum" }>,
  path: string,
  problems: Problem[],
): string | undefined {
  if (typeof value === "number" && values[value] !== undefined) return values[value];
  const name = typeof value === "string" ? value.replace(prefix, "") : "";
  if (values.includes(name)) return name;
  const near = closest(name, values.slice(1));
  const allowed = values.slice(1).map((one) => prefix + one);
  const hint = didYouMean(near === undefined ? undefined : prefix + near);
  problems.push(problem("unknown-value", path, `it is one of ${allowed.join(", ")}${hint}`));
  return undefined;
}
