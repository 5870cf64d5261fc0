/**
 * Node report: what a node tells the hub about itself. It is a small object without data; the agent puts it into the
 * node's Edge Sync Service, which sends it up to the Cloud Sync Service, where operators of the fleet read it.
 */

import { z } from "zod";

/** Object type. Each node has one object, named like the node. */
export const STATUS_TYPE = "slipstream-status";

/** Longest text, in characters. */
export const LONGEST_TEXT = 300;
/** Versions that have failed on the node, the newest first. */
export const MOST_FAILED = 3;
/** Models and settings documents of the hub, the newest first. */
export const MOST_OBJECTS = 8;

const text = z.string().max(4096);

/** passed, failed: its trial. accepted: on the node and not in use. refused: was never on trial. */
const OBJECT_STATES = ["accepted", "refused", "on trial", "passed", "failed", "unknown"] as const;
const TRIAL_STATES = ["on trial", "passed", "failed", "off", "unknown"] as const;

const schema = z.object({
  format: z.literal(1),
  /** ISO 8601, by the node's clock. */
  at: z.iso.datetime(),
  /** The agent program's version; the version that Horizon runs may differ. */
  version: text,
  /** The trial of this version on this node. */
  trial: z.object({ state: z.enum(TRIAL_STATES).catch("unknown"), reason: text.optional() }),
  failed: z.array(z.object({ version: text, at: text, reason: text })).max(100),
  /** In use: the generation of the specification. */
  settings: text.optional(),
  /** In use: NAME@VERSION. */
  model: text.optional(),
  cameras: z.object({ live: z.int(), all: z.int() }).optional(),
  /** What is wrong now; absent: nothing. */
  reason: text.optional(),
  objects: z
    .array(
      z.object({
        type: text,
        id: text,
        /** The hub's time of publication. */
        instance: text,
        state: z.enum(OBJECT_STATES).catch("unknown"),
        reason: text.optional(),
      }),
    )
    .max(100),
});

export type NodeReport = Readonly<z.output<typeof schema>>;
export type ReportedObject = NodeReport["objects"][number];

/** Undefined: the text is not a report, or a much later version wrote it. */
export function readReport(json: string): NodeReport | undefined {
  try {
    return schema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** The sync service refuses descriptions that look as if they contained an HTML tag, so `<` is escaped. */
export function writeReport(report: NodeReport): string {
  return JSON.stringify(report).replaceAll("<", "\\u003c");
}
