// Judges from samples whether the memory or the descriptors of a process keep growing. Pure.
import type { PartName } from "../chaos/parts.js";
import { fit, type Line } from "./line.js";

/** Memory and descriptors of a process at one moment. */
export interface Sample {
  readonly part: PartName;
  readonly pid: number;
  /** Time since the start of the run. */
  readonly minutes: number;
  /** Resident set size. */
  readonly megabytes: number;
  readonly descriptors: number;
}

/** How much a process grew after the warm-up. */
export interface Growth {
  readonly part: PartName;
  /** The number of process ids it had; more than one means that it died. */
  readonly pids: number;
  /** Megabytes over minutes after the warm-up, fitted by least squares. */
  readonly memory: Line;
  readonly megabytesPerHour: number;
  /** Difference between the medians of the first and the last fifth after the warm-up; a single peak does not count. */
  readonly megabytesGrown: number;
  /** The same between the minima: viewers that come and go have descriptors open while they are connected. */
  readonly descriptorsGrown: number;
}

export interface Bounds {
  /** Applies to a run of at least longMinutes, in which a slope is meaningful. */
  readonly megabytesPerHour: number;
  readonly longMinutes: number;
  /** Applies to a shorter run: what allocators and caches may still add. */
  readonly megabytesGrown: number;
  readonly descriptorsGrown: number;
}

export const BOUNDS: Bounds = {
  megabytesPerHour: 1,
  longMinutes: 30,
  megabytesGrown: 12,
  descriptorsGrown: 6,
};

export const PARTS: readonly PartName[] = ["agent", "keeper", "outlet", "worker"];

/** The growth of each process. Empty when there are too few samples. */
export function growthsIn(samples: readonly Sample[], warmUpMinutes: number): Growth[] {
  return PARTS.flatMap((part) => {
    const all = samples.filter((sample) => sample.part === part);
    const settled = all.filter(({ minutes }) => minutes >= warmUpMinutes);
    const memory = fit(settled.map(({ minutes, megabytes }) => ({ x: minutes, y: megabytes })));
    if (memory === undefined) return [];
    const fifth = Math.max(1, Math.floor(settled.length / 5));
    const [first, last] = [settled.slice(0, fifth), settled.slice(-fifth)];
    const lowest = (some: readonly Sample[]) =>
      Math.min(...some.map(({ descriptors }) => descriptors));
    const middle = (some: readonly Sample[]) => median(some.map(({ megabytes }) => megabytes));
    return [
      {
        part,
        pids: new Set(all.map(({ pid }) => pid)).size,
        memory,
        megabytesPerHour: memory.slope * 60,
        megabytesGrown: middle(last) - middle(first),
        descriptorsGrown: lowest(last) - lowest(first),
      },
    ];
  });
}

/** Every exceeded bound, each as a sentence. */
export function overBounds(growths: readonly Growth[], minutes: number, bounds: Bounds): string[] {
  const missing = PARTS.filter((part) => !growths.some((growth) => growth.part === part));
  const faults = missing.map((part) => `the ${part} was not seen often enough`);
  for (const { part, pids, megabytesPerHour, megabytesGrown, descriptorsGrown } of growths) {
    if (pids > 1) faults.push(`the ${part} died and came back`);
    if (minutes >= bounds.longMinutes) {
      if (megabytesPerHour > bounds.megabytesPerHour) {
        faults.push(`the ${part} grows by ${megabytesPerHour.toFixed(2)} MB an hour`);
      }
    } else if (megabytesGrown > bounds.megabytesGrown) {
      faults.push(`the ${part} grew by ${megabytesGrown.toFixed(1)} MB`);
    }
    if (descriptorsGrown > bounds.descriptorsGrown) {
      faults.push(`the ${part} has ${descriptorsGrown} more descriptors open`);
    }
  }
  return faults;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
