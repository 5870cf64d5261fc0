// Decides what follows the end of a half that nobody asked to end, in the manner of Docker's restart policy.
import type { Ending } from "./half.js";

/** sysexits.h, EX_CONFIG: the half has said what is wrong with its configuration, and a restart would not cure it. */
export const EXIT_BAD_CONFIGURATION = 78;

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;
const HEALTHY_AFTER_MS = 60_000;
/** So many ends in a row are no accident. */
const MANY_ENDS = 3;

export type Next =
  | { readonly t: "give-up"; readonly code: number }
  | {
      readonly t: "restart";
      readonly delayMs: number;
      /** Ends in a row, this one among them. */
      readonly ends: number;
      /** What is worth a line: each of the first ends, then once that they go on, then nothing new. */
      readonly news: "ended" | "keeps-ending" | "nothing";
    };

/**
 * What to do about an end.
 *
 * @param ends ends in a row before this one
 * @param uptimeMs how long the half had run
 */
export function afterEnd(ending: Ending, uptimeMs: number, ends: number): Next {
  if (ending.t === "exited" && ending.code === EXIT_BAD_CONFIGURATION) {
    return { t: "give-up", code: ending.code };
  }
  const before = uptimeMs >= HEALTHY_AFTER_MS ? 0 : ends;
  const now = before + 1;
  return {
    t: "restart",
    delayMs: Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** before),
    ends: now,
    news: now < MANY_ENDS ? "ended" : now === MANY_ENDS ? "keeps-ending" : "nothing",
  };
}
