/** Properties of nodes, services and deployments. */

/** The types that a property may declare; without one, the JSON value decides. */
export const propertyTypes = [
  "string",
  "version",
  "boolean",
  "int",
  "float",
  "list of strings",
] as const;

export type PropertyType = (typeof propertyTypes)[number];
export type PropertyValue = string | number | boolean;

export interface Property {
  readonly name: string;
  readonly value: PropertyValue;
  readonly type?: PropertyType;
}

export function isPropertyType(text: string): text is PropertyType {
  return (propertyTypes as readonly string[]).includes(text); // Widened, since includes() wants the union.
}

/** Uses a loop instead of find(), since it runs for every clause on every node of a fleet. */
export function findProperty(properties: readonly Property[], name: string): Property | undefined {
  for (const property of properties) {
    if (property.name === name) return property;
  }
  return undefined;
}

/** What is wrong with a value of a declared type; undefined: nothing. The agreement bot refuses the same values. */
export function valueProblem(
  value: PropertyValue,
  type: PropertyType | undefined,
): string | undefined {
  if (type === undefined) return undefined;
  switch (typeof value) {
    case "boolean":
      return type === "boolean" ? undefined : `must be a ${type}, not a boolean`;
    case "number":
      if (type === "int") return Number.isInteger(value) ? undefined : "must be a whole number";
      return type === "float" ? undefined : `must be a ${type}, not a number`;
    default:
      if (type === "version") {
        return isPropertyVersion(value)
          ? undefined
          : "must be a version such as 1.2.3, without leading zeros";
      }
      return type === "string" || type === "list of strings"
        ? undefined
        : `must be a ${type}, not a string`;
  }
}

/** Stricter than for versions elsewhere: no leading zeros and no suffix. */
function isPropertyVersion(text: string): boolean {
  return text === "INFINITY" || /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){0,2}$/.test(text);
}
