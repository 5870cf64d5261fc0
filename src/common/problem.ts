/**
 * Problem: this value is wrong here, because of this, and that is what to do. The one type for the environment, settings
 * documents, specifications, nvinfer files, launch lines and Horizon's documents; the contract has a message of that name.
 */

import { type Code, type Severity, severityOf } from "./problem-codes.js";
import { hideLogins } from "./secrets/redact.js";

export interface Place {
  /** Path of a file, or a name in its place: `environment`, `hub`. */
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
  /** One line that continues after the place: what is wrong, what is allowed, what to do. Contains no secret. */
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
 * The one constructor: it limits the length of the texts and removes logins and control characters from them. `at`: a place,
 * or its path alone. Codes of the table have their severity.
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
  severity: Severity = severityOf(code as Code),
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

/** A message: `is "5"; allowed: a duration such as 5s (add the unit: 5ms or 5s)`. */
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
/** The time to find logins grows with the square of the length. */
const LONGEST_READ = 1000;

/** A value as a message may show it: short, on one line, without a login. */
export function quote(text: string): string {
  if (text.length > LONGEST_READ / 2) return `a string of ${text.length} characters`;
  return `"${shorten(withoutLogins(text), LONGEST_QUOTE)}"`;
}

function safeText(text: string): string {
  if (text.length <= LONGEST_READ) return shorten(withoutLogins(text), LONGEST_MESSAGE);
  // An address that is cut in two might show half a login.
  const cut = text.slice(0, LONGEST_READ).replace(/:\/\/[^\s"'<>]*$/, "://");
  return shorten(withoutLogins(`${cut}...`), LONGEST_MESSAGE);
}

/** Also replaces characters that a terminal or a log would not print as they are. */
function withoutLogins(text: string): string {
  return hideLogins(text.replace(/[\p{Cc}\p{Cf}\p{Surrogate}\p{Zl}\p{Zp}]/gu, "?"));
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}
