/** Prints docs/settings.schema.json, the JSON Schema of settings documents: node dist/src/cli/settings/docs/json-schema.js */

import { pathToFileURL } from "node:url";
import * as z from "zod";
import { settingsDocument } from "../../../common/settings/document/schema.js";

/** Describes what an author writes, not what it is read into. */
export function documentJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(settingsDocument, { io: "input" });
}

export function documentSchemaText(): string {
  return `${JSON.stringify(documentJsonSchema(), null, 2)}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.stdout.write(documentSchemaText());
}
