import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { it } from "node:test";
import { type Field, MESSAGES } from "./schema.js";

it("has exactly the messages, fields and enumerations of the contract", async () => {
  const proto = new URL("../../../../../proto/slipstream/v1/spec.proto", import.meta.url);
  const text = (await readFile(proto, "utf8")).replace(/\/\/.*/g, "");
  const enums = new Map(
    [...text.matchAll(/^enum (\w+) \{([^}]*)\}/gm)].map(([, name = "", body = ""]) => [
      name,
      [...body.matchAll(/(\w+) = \d+;/g)].map(([, value = ""]) => value),
    ]),
  );
  const messages = [...text.matchAll(/^message (\w+) \{(?:\}|(.*?)\n\}$)/gms)].map(
    ([, name, body = ""]) => [name, fieldsOf(body)] as const,
  );
  assert.deepEqual(Object.fromEntries(messages), described(enums));
});

/** Name and type of each field, those of a oneof among them. */
function fieldsOf(body: string): Record<string, string> {
  const fields = body.matchAll(/^\s+(?:(repeated|optional) )?([\w.]+) (\w+) = \d+;/gm);
  return Object.fromEntries(
    [...fields].map(([, label, type, name]) => [name, label === "repeated" ? `${type}[]` : type]),
  );
}

const WELL_KNOWN = new Map([
  ["duration", "google.protobuf.Duration"],
  ["time", "google.protobuf.Timestamp"],
]);

function described(enums: ReadonlyMap<string, readonly string[]>): object {
  const name = ({ type, repeated }: Field): string => {
    const suffix = repeated ? "[]" : "";
    if (type.t === "message") return type.of + suffix;
    if (type.t === "scalar") {
      return (WELL_KNOWN.get(type.of) ?? type.of) + suffix;
    }
    const values = type.values.map((value) => type.prefix + value);
    return [...enums].find(([, known]) => known.join() === values.join())?.[0] ?? "no such enum";
  };
  return Object.fromEntries(
    Object.entries(MESSAGES).map(([message, fields]) => [
      message,
      Object.fromEntries(Object.entries(fields).map(([field, facts]) => [field, name(facts)])),
    ]),
  );
}
