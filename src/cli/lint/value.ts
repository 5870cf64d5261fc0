/** Values of nvinfer keys and of element properties, as they are written in text. */

import type { Property } from "../../common/catalogue/property.js";
import { closest } from "../../common/closest.js";
import { didYouMean } from "../../common/problem.js";

/** Why a key or property does not take a value. */
export interface BadValue {
  readonly code: "wrong-type" | "out-of-range" | "unknown-value";
  readonly message: string;
}

const INTEGER = /^[+-]?(0x[0-9a-f]+|\d+)$/i;
export const FLOAT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export function wrongType(message: string): BadValue {
  return { code: "wrong-type", message };
}

export function outOfRange(message: string): BadValue {
  return { code: "out-of-range", message };
}

export function checkRange(
  value: number,
  { min, max }: { readonly min?: number | undefined; readonly max?: number | undefined },
): BadValue | undefined {
  if ((min === undefined || value >= min) && (max === undefined || value <= max)) return undefined;
  if (min === undefined) return outOfRange(`it is at most ${max}`);
  return outOfRange(max === undefined ? `it is at least ${min}` : `it takes ${min} to ${max}`);
}

/** A value of a gst-launch line against the property that it is for. */
export function checkPropertyValue(text: string, property: Property): BadValue | undefined {
  if (isVariable(text)) return undefined;
  switch (property.type) {
    case "boolean":
      if (/^(0|1|t|f|true|false|y|n|yes|no)$/i.test(text)) return undefined;
      return wrongType("it takes true or false");
    case "int":
    case "int64":
    case "uint":
    case "uint64":
      return checkInteger(text, property);
    case "float":
      return FLOAT.test(text) ? checkRange(Number(text), property) : wrongType("it takes a number");
    case "enum":
      return checkChoice(text, property);
    default:
      return undefined;
  }
}

/** A variable of the shell, whose value is not known here. */
export function isVariable(text: string | undefined): boolean {
  return text !== undefined && /\$[\w{(]|^<.*>$/.test(text);
}

/** The value that an integer property gets; undefined: the text is not an integer. */
export function integer(text: string | undefined): number | undefined {
  if (text === undefined || !INTEGER.test(text)) return undefined;
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(text);
}

export function isTrue(text: string | undefined): boolean {
  return /^(1|t|true|y|yes)$/i.test(text ?? "");
}

function checkInteger(text: string, property: Property): BadValue | undefined {
  const value = integer(text);
  if (value === undefined) return wrongType("it takes a whole number");
  if (!property.type.startsWith("u")) return checkRange(value, property);
  // GStreamer reads -1 as the largest number that an unsigned property holds.
  const largest = property.type === "uint64" ? 2 ** 64 : 2 ** 32 - 1;
  const unsigned = value === -1 ? largest : value;
  return unsigned < 0 ? outOfRange("it takes no negative number") : checkRange(unsigned, property);
}

function checkChoice(text: string, { choices }: Property): BadValue | undefined {
  const value = integer(text);
  if (choices === undefined) return undefined;
  if (choices.some((choice) => choice.value === value || choice.nicks.includes(text)))
    return undefined;
  const allowed = choices.map(({ value: number, nicks }) => `${number} (${nicks[0]})`).join(", ");
  const nicks = choices.flatMap((choice) => choice.nicks);
  const message = `it is one of ${allowed}${didYouMean(closest(text, nicks))}`;
  return { code: "unknown-value", message };
}
