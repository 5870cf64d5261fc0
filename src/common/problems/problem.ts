/** Problem: one thing that is wrong, told so that its author can put it right. The contract has the same message. */

import { plainText } from "../plain-text.js";
import { hideLogins } from "../secrets/redact.js";
import { CODES, type Code, type Severity } from "./codes.js";

export interface Problem {
  readonly severity: Severity;
  readonly code: Code;
  /**
   * Where: a path in the specification (cameras[1].uri), FILE:LINE of a bundle, or ELEMENT#N/PROPERTY of a launch line,
   * its elements counted from 1.
   */
  readonly path: string;
  /** One line: what is wrong and what to do. Holds no secret. */
  readonly message: string;
}

/** More of what a message quotes helps nobody. */
const LONGEST_TEXT = 600;

/** The severity is the code's own. Logins and control characters that the message quotes are taken out. */
export function problem(code: Code, path: string, message: string): Problem {
  return { severity: CODES[code].severity, code, path: plain(path), message: plain(message) };
}

function plain(text: string): string {
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}...` : text;
  return hideLogins(plainText(shown));
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}

/** `; did you mean width?`, or nothing. */
export function didYouMean(near: string | undefined): string {
  return near === undefined ? "" : `; did you mean ${near}?`;
}
