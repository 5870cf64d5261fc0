// Judges the records of faults: which promises were broken. Pure.
import type { FaultRecord, ProcessRecord } from "./record.js";

/** The bounds of the promises, in addition to the time that the product waits on purpose. */
export interface Bounds {
  readonly detectedMs: number;
  readonly recoveredMs: number;
  readonly workerBackMs: number;
  readonly viewersBackMs: number;
  /** The share of a witness's frames that may be lost in a fault that should lose none: a busy machine drops some. */
  readonly lostShare: number;
  /** The number of frames that may be lost in any case. */
  readonly lostAnyway: number;
  /** Additional frames that may be lost for each requested change: one second of them. */
  readonly lostByChange: number;
  /** The longest time without a frame of a witness. */
  readonly pauseMs: number;
  /** How many additional descriptors a process may have open at its end. */
  readonly descriptors: number;
}

/** For a machine with other work, on which processes may not run for seconds. */
export const GENEROUS: Bounds = {
  detectedMs: 30_000,
  recoveredMs: 90_000,
  workerBackMs: 45_000,
  viewersBackMs: 90_000,
  lostShare: 0.25,
  lostAnyway: 8,
  lostByChange: 24,
  pauseMs: 10_000,
  descriptors: 40,
};

/** The targets, for a machine with no other work. */
export const STRICT: Bounds = {
  detectedMs: 2000,
  recoveredMs: 35_000,
  workerBackMs: 3000,
  viewersBackMs: 2000,
  lostShare: 0,
  lostAnyway: 0,
  lostByChange: 8,
  pauseMs: 1000,
  descriptors: 10,
};

/** Every promise that a fault broke, each as a sentence. */
export function broken(record: FaultRecord, bounds: Bounds): string[] {
  const { patienceMs } = record;
  const faults: string[] = [];
  if (record.error !== undefined) faults.push(record.error);
  const late = (what: string, ms: number | undefined, boundMs: number) => {
    if (ms !== undefined && ms > boundMs) faults.push(`${what} after ${seconds(ms)}`);
  };
  late("noticed", record.detectedMs, patienceMs + bounds.detectedMs);
  late("recovered", record.recoveredMs, bounds.recoveredMs);
  late("a new worker ran", record.workerBackMs, patienceMs + bounds.workerBackMs);
  late("viewers were back", record.viewersBackMs, patienceMs + bounds.viewersBackMs);
  const wrong = record.reasons.filter((reason) => !record.allowedReasons.includes(reason));
  if (wrong.length > 0) faults.push(`wrong reason: ${wrong.join(", ")}`);
  if (!record.hits.includes("worker")) {
    for (const other of record.others) faults.push(`another camera: ${other}`);
  }
  if (!record.hits.includes("outlet")) {
    for (const drop of record.drops) faults.push(`a viewer was disconnected: ${drop}`);
  }
  for (const part of record.replaced) {
    if (!record.hits.includes(part)) faults.push(`the ${part} was replaced`);
  }
  for (const stray of record.strays) faults.push(`a process was left behind: ${stray}`);
  return [...faults, ...ofWitnesses(record, bounds)];
}

function ofWitnesses(record: FaultRecord, bounds: Bounds): string[] {
  if (record.hits.includes("worker") || record.hits.includes("outlet")) return [];
  return record.witnesses.flatMap(({ id, sent, lost, pauseMs }) => {
    const faults: string[] = [];
    const spare = Math.max(bounds.lostAnyway, Math.floor(sent * bounds.lostShare));
    if (lost > spare + record.changes * bounds.lostByChange)
      faults.push(`${lost} of ${sent} frames of ${id} were lost`);
    if (pauseMs > bounds.pauseMs) faults.push(`${id} stood still for ${seconds(pauseMs)}`);
    return faults;
  });
}

/** The processes whose descriptors grew over all faults. A process is identified by its pid. */
export function grown(records: readonly FaultRecord[], { descriptors }: Bounds): string[] {
  const first = new Map<number, ProcessRecord>();
  const last = new Map<number, ProcessRecord>();
  for (const process of records.flatMap(({ processes }) => processes)) {
    if (!first.has(process.pid)) first.set(process.pid, process);
    last.set(process.pid, process);
  }
  return [...first.values()].flatMap(({ part, pid, descriptors: before }) => {
    const after = last.get(pid)?.descriptors ?? before;
    if (after - before <= descriptors) return [];
    return [`the ${part} had ${before} descriptors open, and ${after} at the end`];
  });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
