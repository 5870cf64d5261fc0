/** The fields of the settings document as rows of a table, from its JSON Schema. */

import type * as z from "zod";
import { documentJsonSchema } from "./json-schema.js";

type Schema = z.core.JSONSchema.JSONSchema;
type Field = readonly [path: string, schema: Schema];

/** Path and meaning of every field. A field follows the one that contains it. */
export function documentTable(): string[][] {
  const told = new Map<string, string>();
  return fieldsOf(documentJsonSchema(), "").flatMap((field) => rowsOf(field, told));
}

/** `told`: the paths at which fields have been described already. */
function rowsOf([path, schema]: Field, told: Map<string, string>): string[][] {
  const fields = fieldsOf(schema, path);
  const kind = JSON.stringify(fieldsOf(schema, ""));
  const before = fields.length === 0 ? undefined : told.get(kind);
  const meaning = schema.description ?? "";
  if (before !== undefined) {
    return [[`\`${path}\``, `${meaning} Fields as in \`${before}\`.`.trimStart()]];
  }
  told.set(kind, path);
  return [[`\`${path}\``, meaning], ...fields.flatMap((field) => rowsOf(field, told))];
}

/** The fields of an object, of the objects in a list, and of the alternatives of a union. */
function fieldsOf({ properties = {}, items, anyOf = [] }: Schema, path: string): Field[] {
  const named = Object.entries(properties).map(
    ([name, part]): Field => [path === "" ? name : `${path}.${name}`, schemaOf(part)],
  );
  const listed = items === undefined || Array.isArray(items) ? [] : [schemaOf(items)];
  return [
    ...named,
    ...listed.flatMap((item) => fieldsOf(item, `${path}[]`)),
    ...anyOf.flatMap((branch) => fieldsOf(schemaOf(branch), path)),
  ];
}

/** true and false are schemas, too, and have no fields. */
function schemaOf(schema: z.core.JSONSchema._JSONSchema): Schema {
  return typeof schema === "boolean" ? {} : schema;
}
