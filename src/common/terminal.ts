/** The parts of its process that a command may use. */

import { environment } from "./environment.js";

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
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    exit: (code) => {
      process.exitCode = code;
    },
  };
}
