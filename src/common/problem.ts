/**
 * Problem: this value is wrong here, because of this, and that is what to do. The one type for the environment, settings
 * documents, specifications, nvinfer files, launch lines and Horizon's documents; the contract has a message of that name.
 */

import { CODES, type Code, type Severity } from "./problem-codes.js";
import { hideLogins } from "./secrets/redact.js";

export interface Place {
  /** Path of a file, or what stands for one: `environment`, `hub`. */
  readonly file?: string | undefined;
  /** From 1. */
  readonly line?: number | undefined;
  /** BITRATE, cameras[1].uri, or ELEMENT#N/PROPERTY of a launch line, elements counted from 1. Empty: the whole file. */
  readonly path: string;
}

export interface Problem extends Place {
  readonly severity: Severity;
  /** Stable name for programs. */
  readonly code: string;
  /** One line that goes on after the place: what is wrong, what is allowed, what to do. Holds no secret. */
  readonly message: string;
}

/** Input that cannot be used: every problem that was found. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(displayProblem).join("\n"));
    this.problems = problems;
  }
}

/**
 * The one constructor: it bounds the texts and takes out logins and control characters that they quote. `at`: a place, or
 * its path alone. A code of the table brings its severity.
 */
export function problem(code: Code, at: Place | string, message: string): Problem;
export function problem(
  code: string,
  at: Place | string,
  message: string,
  severity: Severity,
): Problem;
export function problem(
  code: string,
  at: Place | string,
  message: string,
  severity: Severity = CODES[code as Code].severity,
): Problem {
  const place = typeof at === "string" ? { path: at } : at;
  return { severity, code, ...place, path: safeText(place.path), message: safeText(message) };
}

/** `file:line: path: message`, the form that editors and CI systems link. */
export function displayProblem({ file, line, path, message }: Problem): string {
  const where = line === undefined ? file : `${file ?? ""}:${line}`;
  return [where, path, message].filter((part) => part !== undefined && part !== "").join(": ");
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}

/** `is "5"; allowed: a duration such as 5s (say the unit: 5ms or 5s)`. */
export function refusal(what: string, allowed?: string, hint?: string): string {
  const rest = allowed === undefined ? "" : `; allowed: ${allowed}`;
  return `${what}${rest}${hint === undefined ? "" : ` (${hint})`}`;
}

/** `; did you mean width?`, or nothing. */
export function didYouMean(near: string | undefined): string {
  return near === undefined ? "" : `; did you mean ${near}?`;
}

const LONGEST_MESSAGE = 600;
const LONGEST_QUOTE = 60;
/** Looking for logins takes time in proportion to the square of the length. */
const LONGEST_READ = 1000;

/** A value as a message may show it: short, on one line, without a login. */
export function quote(text: string): string {
  if (text.length > LONGEST_READ / 2) return `a text of ${text.length} characters`;
  return `"${shorten(withoutLogins(text), LONGEST_QUOTE)}"`;
}

function safeText(text: string): string {
  if (text.length <= LONGEST_READ) return shorten(withoutLogins(text), LONGEST_MESSAGE);
  // Of an address that the cut halves nobody can tell whether it shows half a login.
  const cut = text.slice(0, LONGEST_READ).replace(/:\/\/[^\s"'<>]*$/, "://");
  return shorten(withoutLogins(`${cut}...`), LONGEST_MESSAGE);
}

/** Also without what a terminal or a log would not print as it stands. */
function withoutLogins(text: string): string {
  return hideLogins(text.replace(/[\p{Cc}\p{Cf}\p{Surrogate}\p{Zl}\p{Zp}]/gu, "?"));
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}
