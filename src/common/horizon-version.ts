/**
 * Versions and version ranges as Horizon compares them. Its rules differ from semver in details that decide placement.
 */

import { compareReleases } from "./release-number.js";

const infinity = "INFINITY";
const range = /^[[(]([^,]+),([^,]+)[\])]$/;

/** True for `1`, `1.2`, `1.2.3`, each with an optional `-suffix`, and for INFINITY. */
export function isVersion(text: string): boolean {
  return text === infinity || /^\d+(?:\.\d+){0,2}(?:-[0-9a-z.-]*)?$/i.test(text);
}

/** True for a range in brackets, such as `[1.0.0,2.0.0)`. */
export function isVersionRange(text: string): boolean {
  const [, low, high] = range.exec(text) ?? [];
  return low !== undefined && high !== undefined && isVersion(low) && isVersion(high);
}

export interface VersionRange {
  readonly low: string;
  readonly lowIncluded: boolean;
  readonly high: string;
  readonly highIncluded: boolean;
}

/** Reads `[1.0.0,2.0.0)`; a version alone means "that one or later". Throws an Error that says what is wrong. */
export function parseVersionRange(text: string): VersionRange {
  if (text.includes(" ")) throw new Error(`the version range '${text}' must not contain a blank`);
  if (isVersion(text)) {
    return { low: normalize(text), lowIncluded: true, high: infinity, highIncluded: false };
  }
  const [, low, high] = range.exec(text) ?? [];
  if (low === undefined || high === undefined || !isVersion(low) || !isVersion(high)) {
    throw new Error(
      `'${text}' is no version range: it is written [1.0.0,2.0.0) or [1.0.0,INFINITY)`,
    );
  }
  return {
    low: normalize(low),
    lowIncluded: text.startsWith("["),
    high: normalize(high),
    highIncluded: text.endsWith("]"),
  };
}

/** Whether `text` is a version within the range. */
export function isWithin(range: VersionRange, text: string): boolean {
  if (!isVersion(text)) return false;
  const version = normalize(text);
  // Horizon compares the bounds as text: 2.00.0 is within [1.0.0,2.0.0).
  const isLow = version === range.low;
  const isHigh = version === range.high;
  if ((isLow && range.lowIncluded) || (isHigh && range.highIncluded)) return true;
  if (isLow || isHigh) return false;
  if (compareVersions(range.low, version) > 0) return false;
  return range.high === infinity || compareVersions(range.high, version) >= 0;
}

/** Negative, zero or positive as `a` is lower than, equal to or higher than `b`. Both must be versions. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  if (a === infinity) return 1;
  if (b === infinity) return -1;
  const [numbersA, suffixA] = split(a);
  const [numbersB, suffixB] = split(b);
  return compareReleases(numbersA, numbersB) || compareSuffixes(suffixA, suffixB);
}

function normalize(version: string): string {
  if (version === infinity) return version;
  const [numbers, suffix] = split(version);
  const [major, minor = "0", patch = "0"] = numbers.split(".");
  return `${major}.${minor}.${patch}${suffix === "" ? "" : `-${suffix}`}`;
}

function split(version: string): [numbers: string, suffix: string] {
  const dash = version.indexOf("-");
  return dash < 0 ? [version, ""] : [version.slice(0, dash), version.slice(dash + 1)];
}

/** A release is higher than its pre-releases; otherwise field by field, numbers below words. */
function compareSuffixes(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "") return 1;
  if (b === "") return -1;
  const fieldsB = b.split(".");
  for (const [i, fieldA] of a.split(".").entries()) {
    const fieldB = fieldsB[i];
    if (fieldB === undefined) return 1;
    if (fieldA === fieldB) continue;
    const numericA = /^-?\d+$/.test(fieldA);
    const numericB = /^-?\d+$/.test(fieldB);
    if (numericA && numericB) {
      const difference = Number(fieldA) - Number(fieldB);
      if (difference !== 0) return difference;
    } else if (numericA !== numericB) {
      return numericA ? -1 : 1;
    } else {
      return fieldA < fieldB ? -1 : 1;
    }
  }
  return -1;
}
