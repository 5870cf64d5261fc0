/** What a node remembers of its trials, over restarts and upgrades: `trials.json`. Pure. */

import { z } from "zod";
import type { Candidate } from "./candidate.js";
import { type Figures, figuresSchema } from "./observation.js";
import { faultSchema } from "./rules.js";

/** ISO 8601, for people and to count failures per hour. */
const at = z.string();
const faults = z.array(faultSchema).readonly();

const agreements = z.array(z.string()).readonly();
const versionFailure = z.object({ version: z.string(), at, agreements, faults });

/** Every list has the newest entry last. */
const schema = z
  .object({
    /** Versions of the service that passed their trial on this node. */
    passedVersions: z.array(z.string()).readonly(),
    lastGood: z
      .object({
        revision: z.string(),
        content: z.json(),
        /** What the cameras did. Undefined: none was live for long enough. */
        figures: figuresSchema.optional(),
        at,
      })
      .transform((lastGood) => ({ figures: undefined, ...lastGood }))
      .optional(),
    /** Gave way to the last good one, and are not tried again until they change. */
    failedRevisions: z.array(z.object({ revision: z.string(), faults, at })).readonly(),
    /** Versions of the service that exited because their trial failed, with the agreements that this has ended. */
    versionFailures: z.array(versionFailure).readonly(),
    /** The trial that is under way. If it is there at a start, the agent ended in the middle of it. */
    ongoing: z.object({ revision: z.string(), starts: z.number() }).optional(),
  })
  .transform((record) => ({ lastGood: undefined, ongoing: undefined, ...record }));

export type TrialRecord = Readonly<z.output<typeof schema>>;
export type LastGood = Readonly<NonNullable<TrialRecord["lastGood"]>>;
export type FailedRevision = Readonly<TrialRecord["failedRevisions"][number]>;
export type VersionFailure = Readonly<z.output<typeof versionFailure>>;

const NONE = { passedVersions: [], failedRevisions: [], versionFailures: [] };
export const NEW_RECORD: TrialRecord = schema.parse(NONE);

/**
 * Reads what this version has written, or an older or newer one. The error for anything else quotes nothing of the text:
 * the settings in it may hold passwords.
 */
export function parseRecord(text: string): TrialRecord {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new Error("it is no trial record");
  }
}

export function formatRecord(record: TrialRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

export function recordStart(record: TrialRecord, revision: string): TrialRecord {
  const starts = record.ongoing?.revision === revision ? record.ongoing.starts + 1 : 1;
  return { ...record, ongoing: { revision, starts } };
}

/** version: of the service, if it has passed too. */
export function recordPass(
  record: TrialRecord,
  { revision, content }: Candidate,
  figures: Figures | undefined,
  version: string | undefined,
  nowMs: number,
): TrialRecord {
  const others = record.passedVersions.filter((one) => one !== version);
  return {
    ...record,
    passedVersions: version === undefined ? others : newest([...others, version]),
    lastGood: { revision, content, figures, at: iso(nowMs) },
    failedRevisions: record.failedRevisions.filter((one) => one.revision !== revision),
    ongoing: undefined,
  };
}

/** content: the last good one has other hours, for example. figures: what it does now. */
export function updateLastGood(
  record: TrialRecord,
  change: Partial<Pick<LastGood, "content" | "figures">>,
): TrialRecord {
  const { lastGood } = record;
  return lastGood === undefined ? record : { ...record, lastGood: { ...lastGood, ...change } };
}

/** rolledBack: it gave way to the last good one, and is not tried again. */
export function recordFailure(
  record: TrialRecord,
  {
    revision,
    faults,
    rolledBack,
  }: Pick<FailedRevision, "revision" | "faults"> & { rolledBack: boolean },
  nowMs: number,
): TrialRecord {
  if (!rolledBack) return { ...record, ongoing: undefined };
  const others = record.failedRevisions.filter((one) => one.revision !== revision);
  const failed = { revision, faults, at: iso(nowMs) };
  return { ...record, failedRevisions: newest([...others, failed]), ongoing: undefined };
}

/** A version exits for the first time, or in one more agreement. */
export function recordVersionFailure(record: TrialRecord, failure: VersionFailure): TrialRecord {
  const others = record.versionFailures.filter(
    ({ version, at }) => version !== failure.version || at !== failure.at,
  );
  return { ...record, versionFailures: newest([...others, failure]), ongoing: undefined };
}

/** Enough to tell what happened lately: a node runs for years. */
function newest<T>(items: readonly T[]): readonly T[] {
  return items.slice(-50);
}

/** The epoch for a clock that gives no number: that must not end anything. */
function iso(nowMs: number): string {
  return new Date(Number.isFinite(nowMs) ? nowMs : 0).toISOString();
}
