/** Reads the text of a settings document, or reports all problems in it. */

import { parseDocument } from "../json/document.js";
import { InputError, type Problem } from "../problem.js";
import { PARSE_OPTIONS, problemsOf } from "./document/problems.js";
import { type SettingsDocument, settingsDocument } from "./document/schema.js";

export type DocumentReading =
  | { readonly t: "document"; readonly document: SettingsDocument }
  | { readonly t: "refused"; readonly problems: readonly Problem[] };

const BOUNDS = { bytes: 1024 * 1024, depth: 32 };

/** `name` is the file in problems: a path, or `hub`. Never throws. */
export function readSettingsDocument(text: string, name: string): DocumentReading {
  try {
    const json = parseDocument(name, text, undefined, BOUNDS);
    const parsed = settingsDocument.safeParse(json.value, PARSE_OPTIONS);
    if (parsed.success) return { t: "document", document: parsed.data };
    return { t: "refused", problems: problemsOf(parsed.error.issues, json) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { t: "refused", problems: error.problems };
  }
}
