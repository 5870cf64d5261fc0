// The scope of a bench: everything it started is stopped when it ends, whether it succeeds or fails.
import type { Scope } from "../test/support/scope.js";

/** Runs work and then stops, in reverse order, everything that it started. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const cleaners: (() => Promise<void>)[] = [];
  try {
    return await work({ after: (clean) => cleaners.push(clean) });
  } finally {
    for (const clean of cleaners.reverse()) await clean();
  }
}
