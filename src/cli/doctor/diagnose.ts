/** All checks of the doctor, and how they are run. Pure. */

import type { Check, Outcome } from "./check.js";
import type { DoctorFacts } from "./facts.js";
import { MACHINE_CHECKS } from "./machine-checks.js";
import { SERVICE_CHECKS } from "./service-checks.js";

export interface Result {
  readonly check: Pick<Check, "id" | "title">;
  readonly outcome: Outcome;
}

export const CHECKS: readonly Check[] = [...MACHINE_CHECKS, ...SERVICE_CHECKS];

export function diagnose(facts: DoctorFacts): Result[] {
  return CHECKS.map(({ id, title, run }) => ({ check: { id, title }, outcome: run(facts) }));
}

export function hasErrors(results: readonly Result[]): boolean {
  return results.some(
    ({ outcome }) =>
      outcome.t === "complaints" && outcome.complaints.some(({ severity }) => severity === "error"),
  );
}
