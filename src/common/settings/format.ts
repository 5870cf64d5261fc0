/** A format: how a value is written as text, in the environment and in settings documents, and how it is read. */

import { quote, refusal } from "../problem.js";

export type Reading<T> =
  | { readonly t: "value"; readonly value: T }
  /** Messages of problems, one for each wrong item of a list. They contain no secret. */
  | { readonly t: "refused"; readonly messages: readonly string[] };

export interface Format<T> {
  /** One phrase for messages and for the table of settings. */
  readonly allowed: string;
  readonly json: JsonForm;
  /** `text` is not empty. `shown`: the beginning of a message, which quotes the text by default. */
  read(text: string, shown?: string): Reading<T>;
}

/** How the same value is written in a JSON document: keywords of JSON Schema. */
export type JsonForm =
  | { readonly type: "boolean" }
  | {
      readonly type: "integer" | "number";
      readonly minimum: number;
      readonly maximum: number;
      readonly multipleOf?: number;
    }
  | {
      readonly type: "string";
      readonly enum?: readonly string[];
      readonly pattern?: string;
      readonly maxLength?: number;
    };

/** The beginning of a message if the text may be a secret. */
export const REFUSED = "is refused";

/** Makes a format. `parse` returns undefined for a text that it refuses. */
export function format<T>(
  allowed: string,
  json: JsonForm,
  parse: (text: string) => T | undefined,
  hint: (text: string) => string | undefined = () => undefined,
): Format<T> {
  return {
    allowed,
    json,
    read(text, shown = `is ${quote(text)}`) {
      const value = parse(text);
      if (value !== undefined) return { t: "value", value };
      return { t: "refused", messages: [refusal(shown, allowed, hint(text))] };
    },
  };
}

/** The same format, for a value that no message may show. */
export function secret<T>(shown: Format<T>): Format<T> {
  return { ...shown, read: (text) => shown.read(text, REFUSED) };
}

/** Items separated by commas. */
export function listOf<T>(item: Format<T>, allowed: string): Format<readonly T[]> {
  return {
    allowed,
    json: { type: "string" },
    read(text) {
      const readings = commaList(text).map((one) => item.read(one));
      const messages = readings.flatMap((one) => (one.t === "refused" ? one.messages : []));
      if (messages.length > 0) return { t: "refused", messages };
      return {
        t: "value",
        value: readings.flatMap((one) => (one.t === "value" ? [one.value] : [])),
      };
    },
  };
}

export function commaList(text: string): string[] {
  return text.split(",").flatMap((item) => (item.trim() === "" ? [] : [item.trim()]));
}
