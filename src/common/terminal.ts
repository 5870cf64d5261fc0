/** The parts of its process that a command may use. What is written is plain: some of it comes from outside. */

import { environment } from "./environment.js";
import { plainLines } from "./plain-text.js";

export interface Terminal {
  readonly environment: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Sets the exit status, with which the process ends once everything is written. */
  readonly exit: (code: number) => void;
}

export function processTerminal(): Terminal {
  return {
    environment,
    out: (text) => process.stdout.write(plainLines(text)),
    err: (text) => process.stderr.write(plainLines(text)),
    exit: (code) => {
      process.exitCode = code;
    },
  };
}

/** Writes a line to standard output. */
export function printLine(text: string): void {
  process.stdout.write(`${plainLines(text)}\n`);
}
