/** Fields of the settings document whose values are read as settings of the environment are, by the same readers. */

import * as z from "zod";
import { quote } from "../../problem.js";
import type { Reader, Reading } from "../readers.js";

/** What a refused field says beside its message, which is what is allowed. */
export interface Refused {
  /** Undefined: it may hold a secret, and is not shown. */
  readonly shown: string | undefined;
  readonly hint: string | undefined;
}

export interface FieldOptions {
  readonly secret?: boolean;
}

/** No value is longer; looking for what is wrong with one that is would take time. */
const LONGEST_TEXT = 4096;

/** A field of one value. Its text goes through the reader; its JSON Schema is the reader's. */
export function field<T>(
  reader: Reader<T>,
  description: string,
  { secret = false }: FieldOptions = {},
) {
  return base(reader)
    .transform((given, context): T => {
      const text = String(given);
      const reading = text.length > LONGEST_TEXT ? tooLong(text, reader) : reader.read(text);
      if (reading.t === "value") return reading.value;
      for (const { value, allowed, hint } of reading.refusals) {
        const params: Refused = secret
          ? { shown: undefined, hint: hint?.includes(text) ? undefined : hint }
          : { shown: typeof given === "string" ? quote(value) : value, hint };
        context.addIssue({ code: "custom", message: allowed, params: { ...params } });
      }
      return z.NEVER;
    })
    .meta({ ...reader.json, description: `${description} Allowed: ${allowedIn(reader)}.` });
}

function tooLong(
  value: string,
  { allowed }: Reader<unknown>,
): Extract<Reading<never>, { t: "refused" }> {
  return { t: "refused", refusals: [{ value, allowed }] };
}

/** Has the type that JSON has for the value, and refuses another with what the reader allows. */
function base(reader: Reader<unknown>): z.ZodType<string | number | boolean> {
  const error = () => allowedIn(reader);
  const { type } = reader.json;
  switch (type) {
    case "boolean":
      return z.boolean({ error });
    case "integer":
    case "number":
      return z.number({ error });
    case "string":
      return z.string({ error });
    default:
      return type satisfies never;
  }
}

function allowedIn({ allowed, json }: Reader<unknown>): string {
  return json.type === "boolean" ? "true or false" : allowed;
}
