/** How the Exchange finds a service by a reference: by its id, with the wildcards of SQL. */

/** Matches the ids that the Exchange would find. `%` matches anything; in a pattern with one, `_` matches any character. */
export function idPattern(org: string, url: string, version: string, arch: string): RegExp {
  const name = url.replace(/^[A-Za-z0-9+.-]*?:\/\//, "").replace(/[$!*,;/?@&~=%]/g, "-");
  const id = `${org}/${name}_${version}_${arch}`;
  const escaped = id.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = id.includes("%") ? escaped.replaceAll("_", ".").replaceAll("%", ".*") : escaped;
  return new RegExp(`^${pattern}$`);
}

interface Range {
  readonly floor: Version | undefined;
  readonly ceiling: Version | undefined;
  readonly hasFloor: boolean;
  readonly hasCeiling: boolean;
}

type Version = readonly [number, number, number];

const END: Version = [Infinity, 0, 0];

/** The version of a range whose two ends are the same. */
export function singleVersion(text: string): string | undefined {
  const { floor, ceiling } = rangeOf(text);
  if (floor === undefined || ceiling === undefined || compare(floor, ceiling) !== 0)
    return undefined;
  return floor === END ? "infinity" : floor.join(".");
}

export function versionIn(text: string, range: string): boolean {
  const { floor, ceiling, hasFloor, hasCeiling } = rangeOf(range);
  const version = versionOf(text);
  if (floor === undefined || ceiling === undefined || version === undefined) return false;
  const [low, high] = [compare(floor, version), compare(version, ceiling)];
  return (low < 0 || (hasFloor && low === 0)) && (high < 0 || (hasCeiling && high === 0));
}

/** A version alone is the start of a range without an end. */
function rangeOf(text: string): Range {
  const [first = "", second = "infinity"] = text
    .trim()
    .toLowerCase()
    .split(/\s*,\s*/);
  const [, open = "", low = ""] = /^([[(]?)(\d.*)$/.exec(first) ?? [];
  const [, high = "", close = ""] = /^(.*\d|infinity)([\])]?)$/.exec(second) ?? [];
  return {
    floor: first === "" ? [0, 0, 0] : versionOf(low),
    ceiling: versionOf(high),
    hasFloor: open !== "(",
    hasCeiling: close === "]",
  };
}

function versionOf(text: string): Version | undefined {
  if (text.trim().toLowerCase() === "infinity") return END;
  const [, major, minor = "0", patch = "0"] =
    /^(\d+)(?:\.(\d+))?(?:\.(\d+))?$/.exec(text.trim()) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

function compare(a: Version, b: Version): number {
  const at = a.findIndex((part, i) => part !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
