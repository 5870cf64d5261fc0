/** The memory of trials as a file has it. Versions of the service that are older or newer read it too. */

import { z } from "zod";
import { FAULT_CODES } from "./fault.js";
import type { Memory } from "./memory.js";

const faults = z.array(
  z.object({ code: z.enum(FAULT_CODES).catch("unknown"), detail: z.string() }).readonly(),
);

const figures = z.object({
  cameras: z.record(
    z.string(),
    z.object({
      liveMs: z.number(),
      receivedPerSecond: z.number(),
      framesPerSecond: z.number(),
      objectsPerMinute: z.number(),
    }),
  ),
  inferenceMs: z.number().optional(),
});

const schema = z.object({
  confirmed: z.array(z.string()),
  lastGood: z
    .object({
      subject: z.string(),
      content: z.json(),
      figures: figures.optional(),
      at: z.string(),
    })
    .optional(),
  refused: z.array(z.object({ subject: z.string(), faults, at: z.string() })),
  failures: z.array(
    z.object({ version: z.string(), at: z.string(), agreements: z.array(z.string()), faults }),
  ),
  trying: z.object({ subject: z.string(), starts: z.number() }).optional(),
});

/** Throws for what is no memory, without a word of it: the settings in it may hold passwords. */
export function readMemory(text: string): Memory {
  const { lastGood, trying, ...lists } = parse(text);
  return { ...lists, lastGood: lastGood && { ...lastGood, ...figuresOf(lastGood) }, trying };
}

export function writeMemory(memory: Memory): string {
  return `${JSON.stringify(memory, undefined, 2)}\n`;
}

function parse(text: string) {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    // Its message would quote the text.
    throw new Error("it is no memory of trials");
  }
}

/** What is missing in the file is undefined here. */
function figuresOf({ figures: stored }: { figures?: z.output<typeof figures> | undefined }) {
  if (stored === undefined) return { figures: undefined };
  const { cameras, inferenceMs } = stored;
  return { figures: { cameras, inferenceMs } };
}
