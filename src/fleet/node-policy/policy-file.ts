/** A node policy file, in which only the probe's own properties change. */

import { randomUUID } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { readIfThereSync } from "../../common/files/durable.js";
import { isObject, type JsonObject, parseDocument } from "../../common/json/document.js";
import { InputError, problem } from "../../common/problem.js";
import { asList, asObject } from "../json.js";
import type { Property } from "../policy/property.js";
import { PROBED, RING } from "./properties.js";

export const EMPTY: JsonObject = { properties: [], constraints: [] };

/** Reads a policy; an empty one if there is no file. Throws an InputError. */
export function readPolicyFile(file: string): JsonObject {
  const source = readIfThereSync(file);
  if (source === undefined) return EMPTY;
  const document = parseDocument(file, source, () => undefined);
  const refuse = (message: string, path: readonly string[]) =>
    new InputError([problem("wrong-document", document.placeOf(path), message)]);
  const { value } = document;
  if (!isObject(value)) throw refuse("must be an object, a node policy", []);
  if (document.unset.length > 0) {
    throw refuse("has variables, which would be lost: write the policy to another file", []);
  }
  const { properties } = value;
  if (properties !== undefined && !(Array.isArray(properties) && properties.every(isObject))) {
    throw refuse("must be a list of properties", ["properties"]);
  }
  return value;
}

/**
 * The policy with the probe's properties in place of those that it had. Everything else stays, the ring too.
 *
 * @param ring for a policy that has none
 */
export function withProperties(
  policy: JsonObject,
  probed: readonly Property[],
  ring: number | undefined,
): JsonObject {
  const present = asList(policy["properties"]);
  const kept = present.filter((one) => !PROBED.some((name) => isNamed(one, name)));
  const hasRing = kept.some((one) => isNamed(one, RING));
  const chosen: Property[] =
    hasRing || ring === undefined ? [] : [{ name: RING, value: ring, type: "int" }];
  return { ...policy, properties: [...probed, ...chosen, ...kept] };
}

/** The probe's properties that the policy's deployment part sets too, which overrides them. */
export function overridden({ deployment }: JsonObject): string[] {
  const properties = asList(asObject(deployment)["properties"]);
  return PROBED.filter((name) => properties.some((one) => isNamed(one, name)));
}

/** Writes the whole file or nothing. */
export function writePolicyFile(file: string, policy: JsonObject): void {
  const fresh = `${file}.${randomUUID()}`;
  try {
    writeFileSync(fresh, policyText(policy), { flag: "wx" });
    renameSync(fresh, file);
  } finally {
    rmSync(fresh, { force: true });
  }
}

export function policyText(policy: JsonObject): string {
  return `${JSON.stringify(policy, null, 2)}\n`;
}

function isNamed(property: unknown, name: string): boolean {
  return isObject(property) && property["name"] === name;
}
