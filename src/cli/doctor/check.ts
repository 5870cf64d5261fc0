/** One check of the doctor: a pure function of facts. */

import type { DoctorFacts, Fact } from "./facts.js";

export interface Complaint {
  readonly severity: "error" | "warning";
  /** What is wrong, on one line. */
  readonly detail: string;
  /** What to do, on one line. */
  readonly cure: string;
}

export type Outcome =
  | { readonly t: "passed" }
  | { readonly t: "complaints"; readonly complaints: readonly Complaint[] }
  /** What it needs is not known, or not on this machine. */
  | { readonly t: "skipped"; readonly why: string };

export interface Check {
  /** Stable name for programs. */
  readonly id: string;
  readonly title: string;
  readonly run: (facts: DoctorFacts) => Outcome;
}

/** A check of one fact, which is skipped when that is unknown. `find` returns what is wrong. */
export function check<T>(
  id: string,
  title: string,
  fact: (facts: DoctorFacts) => Fact<T>,
  find: (value: T, facts: DoctorFacts) => readonly (Complaint | undefined)[],
): Check {
  return {
    id,
    title,
    run(facts) {
      const needed = fact(facts);
      if (needed.t === "unknown") return { t: "skipped", why: needed.why };
      return outcome(find(needed.value, facts));
    },
  };
}

export function outcome(found: readonly (Complaint | undefined)[]): Outcome {
  const complaints = found.filter((one) => one !== undefined);
  return complaints.length === 0 ? { t: "passed" } : { t: "complaints", complaints };
}

export function error(detail: string, cure: string): Complaint {
  return { severity: "error", detail, cure };
}

export function warning(detail: string, cure: string): Complaint {
  return { severity: "warning", detail, cure };
}

/** A list with one complaint if the condition holds, else none. */
export function when(condition: boolean, complaint: () => Complaint): Complaint[] {
  return condition ? [complaint()] : [];
}
