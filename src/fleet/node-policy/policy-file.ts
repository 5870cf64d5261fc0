/** A node policy file, of which only the probe's own properties are changed. */

import { randomUUID } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { readIfThereSync } from "../../common/files/durable.js";
import { isObject, parseDocument } from "../../common/json/document.js";
import { InputError, problem } from "../../common/problem.js";
import type { Property } from "../policy/property.js";
import { PROBED, RING } from "./properties.js";

export type PolicyFile = Readonly<Record<string, unknown>>;

export const EMPTY: PolicyFile = { properties: [], constraints: [] };

/** Reads a file, or an empty policy where there is none. Throws an InputError. */
export function readPolicyFile(file: string): PolicyFile {
  const source = readIfThereSync(file);
  if (source === undefined) return EMPTY;
  const document = parseDocument(file, source, () => undefined);
  const refuse = (message: string, path: readonly string[]) =>
    new InputError([problem("wrong-document", document.placeOf(path), message)]);
  const { value } = document;
  if (!isObject(value)) throw refuse("must be an object, a node policy", []);
  if (document.unset.length > 0) {
    throw refuse("has variables, which would be lost: write the policy into another file", []);
  }
  const { properties } = value;
  if (properties !== undefined && !(Array.isArray(properties) && properties.every(isObject))) {
    throw refuse("must be a list of properties", ["properties"]);
  }
  return value;
}

/**
 * The policy with the probe's properties in the place of those that were there. All else stays, a ring too.
 *
 * @param ring of a node that has none
 */
export function withProperties(
  policy: PolicyFile,
  probed: readonly Property[],
  ring: number | undefined,
): PolicyFile {
  const { properties } = policy;
  const present: readonly unknown[] = Array.isArray(properties) ? properties : [];
  const kept = present.filter((one) => !PROBED.some((name) => isNamed(one, name)));
  const hasRing = kept.some((one) => isNamed(one, RING));
  const chosen: Property[] =
    hasRing || ring === undefined ? [] : [{ name: RING, value: ring, type: "int" }];
  return { ...policy, properties: [...probed, ...chosen, ...kept] };
}

/** Names of the probe that the policy's deployment part sets too: there they win over ours. */
export function overridden({ deployment }: PolicyFile): string[] {
  const properties = isObject(deployment) ? deployment["properties"] : undefined;
  if (!Array.isArray(properties)) return [];
  return PROBED.filter((name) => properties.some((one) => isNamed(one, name)));
}

/** Writes it whole or not at all. */
export function writePolicyFile(file: string, policy: PolicyFile): void {
  const fresh = `${file}.${randomUUID()}`;
  try {
    writeFileSync(fresh, policyText(policy), { flag: "wx" });
    renameSync(fresh, file);
  } finally {
    rmSync(fresh, { force: true });
  }
}

export function policyText(policy: PolicyFile): string {
  return `${JSON.stringify(policy, null, 2)}\n`;
}

function isNamed(property: unknown, name: string): boolean {
  return isObject(property) && property["name"] === name;
}
