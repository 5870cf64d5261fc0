// A life for what a bench starts: everything is ended when the bench is over, however it ends.
import type { Scope } from "../test/support/scope.js";

/** Runs work and ends, in reverse order, all that it started. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const cleaners: (() => Promise<void>)[] = [];
  try {
    return await work({ after: (clean) => cleaners.push(clean) });
  } finally {
    for (const clean of cleaners.reverse()) await clean();
  }
}
