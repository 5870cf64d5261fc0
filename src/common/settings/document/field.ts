/** A field of the settings document: its value is read by the same format as a setting of the environment. */

import * as z from "zod";
import { quote, refusal } from "../../problem.js";
import type { Format, Reading } from "../format.js";

/** No value is longer; looking for what is wrong with one that is would take time. */
const LONGEST_TEXT = 4096;

/** Issues of a field have the whole message of a problem. Its JSON Schema is the format's. */
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

/** Has the type that JSON has for the value, and refuses another with what the format allows. */
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
