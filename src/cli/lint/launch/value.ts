/** Is a value, as written on a gst-launch line, one that the property takes? */

import type { Property } from "../../../common/catalogue/property.js";
import { closest } from "../../../common/closest.js";
import { didYouMean } from "../../../common/problem.js";

export interface Refusal {
  readonly code: "wrong-type" | "out-of-range" | "unknown-value";
  readonly message: string;
}

const INTEGER = /^[+-]?(0x[0-9a-f]+|\d+)$/i;
const FLOAT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export function checkValue(text: string, property: Property): Refusal | undefined {
  switch (property.type) {
    case "boolean":
      if (/^(0|1|t|f|true|false|y|n|yes|no)$/i.test(text)) return undefined;
      return { code: "wrong-type", message: "it takes true or false" };
    case "int":
    case "int64":
    case "uint":
    case "uint64":
      return checkInteger(text, property);
    case "float":
      if (!FLOAT.test(text)) return { code: "wrong-type", message: "it takes a number" };
      return checkRange(Number(text), property);
    case "enum":
      return checkChoice(text, property);
    default:
      return undefined;
  }
}

/** The value that an integer property gets; undefined: it is no integer. */
export function integer(text: string | undefined): number | undefined {
  if (text === undefined || !INTEGER.test(text)) return undefined;
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(text);
}

export function isTrue(text: string | undefined): boolean {
  return /^(1|t|true|y|yes)$/i.test(text ?? "");
}

function checkInteger(text: string, property: Property): Refusal | undefined {
  const value = integer(text);
  if (value === undefined) return { code: "wrong-type", message: "it takes a whole number" };
  const isUnsigned = property.type.startsWith("u");
  // GStreamer reads -1 of an unsigned property as the largest number.
  const counted = isUnsigned && value === -1 ? largest(property.type) : value;
  if (isUnsigned && counted < 0) {
    return { code: "out-of-range", message: "it takes no number below 0" };
  }
  return checkRange(counted, property);
}

function largest(type: string): number {
  return type === "uint64" ? 2 ** 64 : 2 ** 32 - 1;
}

function checkRange(value: number, { min, max }: Property): Refusal | undefined {
  if ((min === undefined || value >= min) && (max === undefined || value <= max)) return undefined;
  return { code: "out-of-range", message: `it takes ${min ?? "any"} to ${max ?? "any"}` };
}

function checkChoice(text: string, { choices }: Property): Refusal | undefined {
  if (choices === undefined) return undefined;
  const value = integer(text);
  if (choices.some((choice) => choice.value === value || choice.nicks.includes(text)))
    return undefined;
  const allowed = choices.map(({ value: number, nicks }) => `${number} (${nicks[0]})`).join(", ");
  const near = closest(
    text,
    choices.flatMap(({ nicks }) => nicks),
  );
  return { code: "unknown-value", message: `it is one of ${allowed}${didYouMean(near)}` };
}
