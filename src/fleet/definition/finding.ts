/** What a lint says: one finding at one place. */

import type { Document, Path } from "../../common/json/document.js";
import type { Problem } from "../../common/problem.js";
import { displayProblem } from "../../common/problem.js";

/** An error breaks a deployment or silently changes it; a warning is legal and seldom meant. */
export type Severity = "error" | "warning";

export interface Finding extends Problem {
  readonly file: string;
  readonly line: number;
  readonly severity: Severity;
  /** Stable and kebab-case, for filters and searches. */
  readonly code: string;
}

/** Notes a finding about a part of the document that is being looked at. */
export interface Report {
  readonly error: (code: string, path: Path, message: string) => void;
  readonly warning: (code: string, path: Path, message: string) => void;
}

export function reportTo(findings: Finding[], document: Document): Report {
  const note = (severity: Severity) => (code: string, path: Path, message: string) => {
    findings.push({ severity, code, ...document.placeOf(path), message });
  };
  return { error: note("error"), warning: note("warning") };
}

/** `file:line: path: message [severity code]` */
export function displayFinding(finding: Finding): string {
  return `${displayProblem(finding)} [${finding.severity} ${finding.code}]`;
}
