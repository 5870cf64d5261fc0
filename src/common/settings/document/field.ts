/** A field of the settings document, whose value has a format, as a setting of the environment has. */

import * as z from "zod";
import { quote, refusal } from "../../problem.js";
import type { Format, Reading } from "../format.js";

/** No value is longer. Reading a longer one would only take time. */
const LONGEST_TEXT = 4096;

/** The type of a value in JSON. */
const TYPES = { boolean: z.boolean, integer: z.number, number: z.number, string: z.string };

/** The message of an issue is that of a problem. The JSON Schema is the format's. */
export function field<T>(format: Format<T>, description: string) {
  const { allowed, json } = format;
  // zod has no common type for the three.
  const base: z.ZodType<string | number | boolean> = TYPES[json.type]({
    error: () => allowedIn(format),
  });
  return base
    .transform((given, context): T => {
      const text = String(given);
      const shown = typeof given === "string" ? `is ${quote(text)}` : `is ${text}`;
      const reading: Reading<T> =
        text.length > LONGEST_TEXT
          ? { t: "refused", messages: [refusal(shown, allowed)] }
          : format.read(text, shown);
      if (reading.t === "value") return reading.value;
      for (const message of reading.messages) context.addIssue({ code: "custom", message });
      return z.NEVER;
    })
    .meta({ ...json, description: `${description} Allowed: ${allowedIn(format)}.` });
}

function allowedIn({ allowed, json }: Format<unknown>): string {
  return json.type === "boolean" ? "true or false" : allowed;
}
