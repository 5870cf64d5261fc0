/**
 * What a node tells its hub about itself: one small object of the Model Management Service, which the agent writes into the
 * node's Edge Sync Service and that service carries up. Whoever looks at the fleet reads it there.
 */

import { z } from "zod";

/** Type of the objects. Each node has one, named like the node. */
export const STATUS_TYPE = "slipstream-status";

/** Of one text, in characters. */
export const LONGEST_TEXT = 300;
/** Versions that have failed on the node, the newest first. */
export const MOST_FAILED = 3;
/** Models and settings documents of the hub, the newest first. */
export const MOST_OBJECTS = 8;

const text = z.string().max(4096);

/** passed and failed: of a trial. taken: here, and not in use. refused: never on trial. */
const OBJECT_STATES = ["taken", "refused", "on trial", "passed", "failed", "unknown"] as const;
const TRIAL_STATES = ["on trial", "passed", "failed", "off", "unknown"] as const;

const schema = z.object({
  format: z.literal(1),
  /** ISO 8601, by the node's clock. */
  at: z.iso.datetime(),
  /** That the program says it is; what Horizon calls it may be another. */
  version: text,
  /** Of this version on this node. */
  trial: z.object({ state: z.enum(TRIAL_STATES).catch("unknown"), reason: text.optional() }),
  failed: z.array(z.object({ version: text, at: text, reason: text })).max(100),
  /** What is in use: generation of the specification, NAME@VERSION of the model. */
  settings: text.optional(),
  model: text.optional(),
  cameras: z.object({ live: z.int(), all: z.int() }).optional(),
  /** What is wrong now; nothing: all is well. */
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

/** Undefined: it is no report, or one that a much later version wrote. */
export function readReport(json: string): NodeReport | undefined {
  try {
    return schema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** The sync service takes no description that looks as if it held a tag of HTML; JSON has another way to write `<`. */
export function writeReport(report: NodeReport): string {
  return JSON.stringify(report).replaceAll("<", "\\u003c");
}
