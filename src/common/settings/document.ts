/** Reads the text of a settings document: all of it, or every fault that keeps it from being used. */

import { readJson } from "../json/json-text.js";
import { faultsOf } from "./document/issues.js";
import { type SettingsDocument, settingsDocument } from "./document/schema.js";
import { type DocumentFault, displayPath } from "./document-fault.js";

export type { SettingsDocument } from "./document/schema.js";
export type { DocumentFault } from "./document-fault.js";

export type DocumentReading =
  | { readonly t: "document"; readonly document: SettingsDocument }
  | { readonly t: "refused"; readonly faults: readonly DocumentFault[] };

const BOUNDS = { bytes: 1024 * 1024, depth: 32 };

/** `name` stands in faults for the document: a path, or the hub. Never throws. */
export function parseDocument(text: string, name: string): DocumentReading {
  const reading = readJson(text.replace(/^\uFEFF/, ""), BOUNDS);
  if (reading.t === "refused") {
    const { path, line, what } = reading.fault;
    return { t: "refused", faults: [{ document: name, path: displayPath(path), line, what }] };
  }
  const { value, lineOf } = reading.json;
  const parsed = settingsDocument.safeParse(value);
  if (parsed.success) return { t: "document", document: parsed.data };
  const faults = faultsOf(parsed.error.issues, value).map(({ path, ...fault }) => ({
    document: name,
    path: displayPath(path),
    line: lineOf(path),
    ...fault,
  }));
  return { t: "refused", faults: faults.sort((a, b) => a.line - b.line) };
}
