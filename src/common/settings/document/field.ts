/** A field of the settings document, whose value has a format, as a setting of the environment has. */

import * as z from "zod";
import { quote, refusal } from "../../problem.js";
import type { Format, Reading } from "../format.js";

/** No value is longer. Reading a longer one would only take time. */
const LONGEST_TEXT = 4096;

/** The message of an issue is that of a problem. The JSON Schema is the format's. */
export function field<T>(format: Format<T>, description: string) {
  const { allowed, json } = format;
  return base(format)
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

/** The type of the value in JSON. The message for another type is what the format allows. */
function base(format: Format<unknown>): z.ZodType<string | number | boolean> {
  const error = () => allowedIn(format);
  const { type } = format.json;
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

function allowedIn({ allowed, json }: Format<unknown>): string {
  return json.type === "boolean" ? "true or false" : allowed;
}
