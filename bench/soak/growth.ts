// Judges whether a process keeps more and more, from samples of what it holds. Pure.
import type { PartName } from "../chaos/parts.js";
import { fit, type Line } from "./line.js";

/** What a process held at one moment. */
export interface Sample {
  readonly part: PartName;
  readonly pid: number;
  /** Since the start of the run. */
  readonly minutes: number;
  /** Resident set. */
  readonly megabytes: number;
  readonly descriptors: number;
}

/** What a process came to hold after the warm-up. */
export interface Growth {
  readonly part: PartName;
  /** Processes that it was; more than one: it died. */
  readonly pids: number;
  /** Megabytes over minutes, by least squares, after the warm-up. */
  readonly memory: Line;
  readonly megabytesPerHour: number;
  /** From the first fifth after the warm-up to the last: between the medians, so that no moment counts alone. */
  readonly megabytesGrown: number;
  /** Likewise, between the lowest: viewers that come and go have some open for as long as they are there. */
  readonly descriptorsGrown: number;
}

export interface Bounds {
  /** Of a run that is long enough for a slope to mean something. */
  readonly megabytesPerHour: number;
  readonly longMinutes: number;
  /** Of a shorter run: what allocators and caches may still take. */
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

/** What is over a bound, each in a sentence. */
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
