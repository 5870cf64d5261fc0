/** Reads a settings document from a file. */

import { readText } from "../../common/files/text-file.js";
import { type DocumentReading, parseDocument } from "../../common/settings/document.js";

/** The path is the document's name. */
export async function readDocumentFile(path: string): Promise<DocumentReading> {
  const reading = await readText(path, path);
  if (reading.t === "text") return parseDocument(reading.text, path);
  const { message } = reading.problem;
  const what = `cannot be read: ${message}`;
  return { t: "refused", faults: [{ document: path, path: "", line: undefined, what }] };
}
