/** Reads a settings document from a file. */

import { readText } from "../../common/files/read.js";
import { problem } from "../../common/problem.js";
import {
  type DocumentReading,
  readSettingsDocument,
} from "../../common/settings/settings-document.js";

/** The path is the document's name. */
export async function readDocumentFile(path: string): Promise<DocumentReading> {
  const reading = await readText(path, path);
  if (reading.t === "text") return readSettingsDocument(reading.text, path);
  const { code, severity, message } = reading.problem;
  const place = { file: path, path: "" };
  return { t: "refused", problems: [problem(code, place, `cannot be read: ${message}`, severity)] };
}
