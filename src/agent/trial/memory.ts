/** What a node knows of its trials, and what is added to it. Pure. */

import type { Candidate, JsonValue } from "./candidate.js";
import type { Fault } from "./fault.js";
import type { Figures } from "./meter.js";

/** Outlives restarts and upgrades. Times are ISO 8601, for people and for what is counted by the hour. */
export interface Memory {
  /** Versions of the service that passed their trial on this node, the newest last. */
  readonly confirmed: readonly string[];
  readonly lastGood: LastGood | undefined;
  /** Not tried again until they change, the newest last. */
  readonly refused: readonly Refusal[];
  /** When a version failed on purpose, the newest last. */
  readonly failures: readonly Failure[];
  /** What is on trial now; still there at a start: the process ended in the middle of it. */
  readonly trying: Trying | undefined;
}

export interface LastGood {
  readonly subject: string;
  readonly content: JsonValue;
  /** What it did; undefined: no camera was live for long enough. */
  readonly figures: Figures | undefined;
  readonly at: string;
}

export interface Refusal {
  readonly subject: string;
  readonly faults: readonly Fault[];
  readonly at: string;
}

export interface Failure {
  readonly version: string;
  readonly at: string;
  /** Agreements in which it has failed because of this one verdict. */
  readonly agreements: readonly string[];
  readonly faults: readonly Fault[];
}

export interface Trying {
  readonly subject: string;
  readonly starts: number;
}

export const NEW_MEMORY: Memory = {
  confirmed: [],
  lastGood: undefined,
  refused: [],
  failures: [],
  trying: undefined,
};

/** Enough to tell what happened lately; a node is to run for years. */
const KEPT = 50;

/** A trial begins. */
export function tried(memory: Memory, subject: string): Memory {
  const starts = memory.trying?.subject === subject ? memory.trying.starts + 1 : 1;
  return { ...memory, trying: { subject, starts } };
}

/** version: of the service, if that has proven itself too. */
export function passed(
  memory: Memory,
  { subject, content }: Candidate,
  figures: Figures | undefined,
  version: string | undefined,
  nowMs: number,
): Memory {
  const others = memory.confirmed.filter((one) => one !== version);
  return {
    ...memory,
    confirmed: version === undefined ? others : newest([...others, version]),
    lastGood: { subject, content, figures, at: iso(nowMs) },
    refused: memory.refused.filter((one) => one.subject !== subject),
    trying: undefined,
  };
}

/** The last good one is said in other words, with other hours for one. */
export function saidAgain(memory: Memory, content: JsonValue): Memory {
  return memory.lastGood === undefined
    ? memory
    : { ...memory, lastGood: { ...memory.lastGood, content } };
}

/** What the last good one does, for a successor that begins in another process. */
export function measuredAgain(memory: Memory, figures: Figures): Memory {
  return memory.lastGood === undefined
    ? memory
    : { ...memory, lastGood: { ...memory.lastGood, figures } };
}

/** refused: it gave way to the last good one, and is not tried again. */
export function failed(
  memory: Memory,
  { subject, faults, refused }: { subject: string; faults: readonly Fault[]; refused: boolean },
  nowMs: number,
): Memory {
  if (!refused) return { ...memory, trying: undefined };
  const others = memory.refused.filter((one) => one.subject !== subject);
  return {
    ...memory,
    refused: newest([...others, { subject, faults, at: iso(nowMs) }]),
    trying: undefined,
  };
}

/** A version fails on purpose for the first time, or in one more agreement. */
export function failedOnPurpose(memory: Memory, failure: Failure): Memory {
  const others = memory.failures.filter(
    ({ version, at }) => version !== failure.version || at !== failure.at,
  );
  return { ...memory, failures: newest([...others, failure]), trying: undefined };
}

function newest<T>(items: readonly T[]): readonly T[] {
  return items.slice(-KEPT);
}

/** A clock that tells nonsense must not end anything. */
function iso(nowMs: number): string {
  return new Date(Number.isFinite(nowMs) ? nowMs : 0).toISOString();
}
