/** Parts of JSON values whose shape is not known yet: what is something else counts as empty. */

import { isObject, type JsonObject } from "../common/json/document.js";

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The objects of a list. */
export function asObjects(value: unknown): JsonObject[] {
  return asList(value).filter(isObject);
}

/** The objects of a list, with their indices in it. */
export function objectEntries(value: unknown): [number, JsonObject][] {
  return [...asList(value).entries()].filter((entry): entry is [number, JsonObject] =>
    isObject(entry[1]),
  );
}

/** The containers of a service definition, by their keys. The Exchange gives out the deployment as a string of JSON. */
export function containersOf({ deployment }: JsonObject): Readonly<Record<string, JsonObject>> {
  const value: unknown =
    typeof deployment === "string" && deployment !== "" ? JSON.parse(deployment) : deployment;
  const services = Object.entries(asObject(asObject(value)["services"]));
  return Object.fromEntries(
    services.filter((entry): entry is [string, JsonObject] => isObject(entry[1])),
  );
}
