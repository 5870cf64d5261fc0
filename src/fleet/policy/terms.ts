/** Terms: the half that all kinds of policy share, read from JSON. What is wrong is added to `faults`. */

import type { Fault, Path } from "../../common/json/document.js";
import { isObject } from "../../common/json/document.js";
import type { Constraint } from "./constraint.js";
import { ConstraintError } from "./lexer.js";
import type { Property, PropertyValue } from "./property.js";
import { findProperty, isPropertyType, propertyTypes, valueProblem } from "./property.js";

/** Properties offered, and constraints on the other side. */
export interface Terms {
  readonly properties: readonly Property[];
  readonly constraints: readonly Constraint[];
}

/** Turns the text of a constraint into its meaning; `path` says where it stood. Throws a ConstraintError. */
export type ConstraintParser = (text: string, path: Path) => Constraint;

export const privileged = "openhorizon.allowPrivileged";

/** Reads the `properties` and `constraints` of an object. */
export function readTerms(
  value: Readonly<Record<string, unknown>>,
  path: Path,
  parse: ConstraintParser,
  faults: Fault[],
): Terms {
  return {
    properties: readProperties(value["properties"], path, faults),
    constraints: readConstraints(value["constraints"], path, parse, faults),
  };
}

function readProperties(value: unknown, parent: Path, faults: Fault[]): Property[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    faults.push({ path: [...parent, "properties"], message: "must be a list" });
    return [];
  }
  const properties: Property[] = [];
  for (let i = 0; i < value.length; i++) {
    const fault = (key: string | undefined, message: string): void => {
      const path = [...parent, "properties", i];
      faults.push({ path: key === undefined ? path : [...path, key], message });
    };
    const property = readProperty(value[i], fault);
    if (property === undefined) continue;
    if (findProperty(properties, property.name) !== undefined) {
      fault("name", `the property ${property.name} is there twice`);
    }
    properties.push(property);
  }
  return properties;
}

type FaultIn = (key: string | undefined, message: string) => void;

function readProperty(entry: unknown, fault: FaultIn): Property | undefined {
  if (!isObject(entry)) {
    fault(undefined, "must be an object with a name and a value");
    return undefined;
  }
  const { name, value, type } = entry;
  if (typeof name !== "string" || name === "") {
    fault("name", "must be a text that is not empty");
    return undefined;
  }
  if (!isPropertyValue(value)) {
    fault("value", `the value of ${name} must be a text, a number or a boolean`);
    return undefined;
  }
  // The Exchange gives out null where nothing was said.
  if (type === undefined || type === null || type === "") {
    return name === privileged ? readPrivileged(value, fault) : { name, value };
  }
  if (typeof type !== "string" || !isPropertyType(type)) {
    fault("type", `must be one of ${propertyTypes.join(", ")}`);
    return undefined;
  }
  const problem = valueProblem(value, type);
  if (problem !== undefined) fault("value", `the value of ${name} ${problem}`);
  return name === privileged ? readPrivileged(value, fault) : { name, value, type };
}

/** This one property may be the text "true" or "false". */
function readPrivileged(value: PropertyValue, fault: FaultIn): Property | undefined {
  if (typeof value === "boolean") return { name: privileged, value };
  if (value === "true" || value === "false") return { name: privileged, value: value === "true" };
  fault("value", `the value of ${privileged} must be true or false`);
  return undefined;
}

function isPropertyValue(value: unknown): value is PropertyValue {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function readConstraints(
  value: unknown,
  parent: Path,
  parse: ConstraintParser,
  faults: Fault[],
): Constraint[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    faults.push({ path: [...parent, "constraints"], message: "must be a list of texts" });
    return [];
  }
  return value.flatMap((text: unknown, i) => {
    const path = [...parent, "constraints", i];
    if (typeof text !== "string") {
      faults.push({ path, message: "must be a text" });
      return [];
    }
    try {
      return [parse(text, path)];
    } catch (error) {
      if (!(error instanceof ConstraintError)) throw error;
      faults.push({
        path,
        message: `${error.message} (column ${error.at + 1} of ${JSON.stringify(text)})`,
      });
      return [];
    }
  });
}
